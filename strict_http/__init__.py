"""HTTP/1.1 as both programs accept it: strict heads and chunks, time limits, and a limit on connections.

The server and the watcher share this package and nothing else: two copies of these rules would differ one day, and a
difference between two readers of one message is what request smuggling is made of.
"""
