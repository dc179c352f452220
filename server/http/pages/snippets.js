// The request that was just sent, for a shell and for programs.
const shell = text => `'${text.replaceAll("'", "'\\''")}'`;
const string = text => JSON.stringify(text);

// JSON's words in Python's spelling. A word inside a string is part of the first alternative, which stays.
const WORDS = { true: "True", false: "False", null: "None" };
const python = json => json.replace(/"(?:[^"\\]|\\.)*"|true|false|null/g, found => WORDS[found] ?? found);

export const SNIPPETS = {
  curl: (url, body) => `curl ${shell(url)} \\\n  -H 'Content-Type: application/json' \\\n  -d ${shell(body)}`,
  "Python (requests)": (url, body) =>
    `import requests\n\nanswer = requests.post(\n    ${string(url)},\n    json=${python(body)},\n    timeout=30,\n)\n` +
    `answer.raise_for_status()\nprint(answer.json())`,
  "Python (no packages)": (url, body) =>
    `import json\nimport urllib.request\n\nbody = ${python(body)}\nrequest = urllib.request.Request(\n    ${string(url)},\n` +
    `    data=json.dumps(body).encode(),\n    headers={"Content-Type": "application/json"},\n)\n` +
    `with urllib.request.urlopen(request, timeout=30) as answer:\n    print(json.load(answer))`,
  JavaScript: (url, body) =>
    `const response = await fetch(${string(url)}, {\n  method: "POST",\n  headers: { "Content-Type": "application/json" },\n` +
    `  body: JSON.stringify(${body}),\n});\nif (!response.ok) throw new Error(await response.text());\n` +
    `console.log(await response.json());`,
};
