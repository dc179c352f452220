"""What moved an answer, for models whose score is a sum: linear models and trees. Read again when somebody asks.

- `origins`: which column of the input each column of the last step comes from
- `path_decomposition`: the sum of a tree's answer, one part for each branch on the way to the leaf
- `additive`: the last step's score as a base and one contribution for each of its columns
- `explainer`: all of that for a row of the input
"""
