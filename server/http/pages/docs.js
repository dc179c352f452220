// The API in a browser. Everything comes from openapi.json next to this page; nothing from anywhere else.
import { make } from "./dom.js";

const pretty = value => JSON.stringify(value, null, 2);

function show(path, verb, operation) {
  const box = make("details", "", document.getElementById("paths"));
  box.open = path === "/predict";
  const head = make("summary", "", box);
  make("b", verb.toUpperCase(), head);
  make("code", path, head);
  make("span", operation.summary, head);
  const body = operation.requestBody && operation.requestBody.content["application/json"].example;
  const input = body && make("textarea", pretty(body), box);
  if (input) {
    input.rows = Math.min(16, input.value.split("\n").length + 1);
    input.spellcheck = false;
    input.setAttribute("aria-label", `Body of ${path}`);
  }
  const button = make("button", "Send", box);
  button.setAttribute("aria-label", `Send ${verb.toUpperCase()} ${path}`);
  const answer = make("pre", "", box);
  answer.tabIndex = 0;
  answer.setAttribute("role", "status");
  answer.setAttribute("aria-label", `Answer of ${path}`);
  const example = operation.responses["200"].content;
  if (example) answer.textContent = "// such as\n" + pretty(example["application/json"].example);
  button.onclick = () => send(path, verb, input, answer);
}

async function send(path, verb, input, answer) {
  const options = { method: verb.toUpperCase() };
  if (input) Object.assign(options, { body: input.value, headers: { "Content-Type": "application/json" } });
  try {
    const response = await fetch(path.slice(1), options);
    const text = await response.text();
    let shown = text;
    try { shown = pretty(JSON.parse(text)); } catch { /* not JSON: as it is */ }
    answer.textContent = `${response.status} ${response.statusText}\n${shown}`;
  } catch (error) {
    answer.textContent = `no answer: ${error.message}`;
  }
}

fetch("openapi.json").then(response => response.json()).then(api => {
  if (api.error) throw new Error(api.error);
  document.getElementById("title").textContent = `${api.info.title} ${api.info.version}`;
  document.title = `API of ${api.info.title} ${api.info.version}`;
  document.getElementById("about").textContent = api.info.description;
  for (const [path, verbs] of Object.entries(api.paths))
    for (const [verb, operation] of Object.entries(verbs)) show(path, verb, operation);
}).catch(error => { document.getElementById("about").textContent = error.message; });
