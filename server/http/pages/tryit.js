// The page at `/`: a form of the model's own input, the answer, and what moved it. page.json says all of it.
import { answered, by, make, number } from "./dom.js";
import { prepareCsv } from "./csv.js";
import { SNIPPETS } from "./snippets.js";

const MOST_OPTIONS = 40;
const MOST_BARS = 20;
const RETRY = 1000;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

let form = null;
let last = null;  // { url, body } of the latest request
let asked = 0;    // an answer that comes after a later question is not shown
const inputs = []; // { field, read, show, error, element }

load();

async function load() {
  try {
    form = await answered(await fetch("page.json"));
  } catch (error) {
    by("notice").textContent = error.status === 503 ? `Not ready yet: ${error.message}. This page asks again.` : error.message;
    if (error.status === 503 || !error.status) setTimeout(load, RETRY);
    return;
  }
  by("notice").textContent = "";
  introduce();
  build();
  prepareCsv(form);
  by("page").hidden = false;
}

function introduce() {
  const name = `${form.model} ${form.version}`.trim();
  document.title = `Try ${name}`;
  by("title").textContent = name;
  const loaded = { data: "read as data", code: "loaded as code" }[form.loaded] ?? form.loaded;
  const takes = form.features ? `${form.features} ${form.features === 1 ? "feature" : "features"}` : form.form === "as_sent" ? "input not known" : form.form;
  by("about").textContent = `${form.library}, ${loaded}, ${takes}`;
  by("example-source").textContent = [
    form.example_source
      ? `The example is ${form.example_source}.`
      : "This model does not say what it takes: write a row as your program sends it. An input-example.json next to the model would fill it in.",
    commonSource() && `Below a number: its range in ${commonSource()}.`,
  ].filter(Boolean).join(" ");
}

// Where all ranges are from; "" if they are from several sources, which each field then names.
function commonSource() {
  const sources = new Set(form.fields.filter(field => field.range).map(field => field.range.source));
  return sources.size === 1 ? [...sources][0] : "";
}

// ---- the form ----------------------------------------------------------------------------------------------------

function build() {
  if (form.fields.length) {
    const box = make("fieldset", "", by("fields"));
    make("legend", "Features", box);
    const grid = make("div", "", box, { class: "grid" });
    const used = form.fields.filter(field => !field.unused);
    used.forEach((field, at) => inputs.push(control(field, at, grid)));
    const unused = form.fields.filter(field => field.unused);
    if (unused.length) {
      const more = make("details", "", by("fields"));
      make("summary", `${unused.length} that the model does not use`, more);
      const rest = make("div", "", more, { class: "grid" });
      unused.forEach((field, at) => inputs.push(control(field, used.length + at, rest)));
    }
  } else if (form.form === "texts" || form.form === "tokens") {
    inputs.push(textBox());
  } else {
    showJson(true);
    by("as-json").hidden = true;
  }
  fill();
  by("form").addEventListener("submit", event => { event.preventDefault(); send(); });
  by("reset").addEventListener("click", () => { fill(); clearErrors(); });
  by("as-json").addEventListener("click", () => showJson(by("json-box").hidden));
  buildTabs();
}

function control(field, at, parent) {
  const box = make("div", "", parent, { class: "field" });
  const id = `field-${at}`;
  make("label", field.name, box, { for: id });
  const element = box.appendChild(elementOf(field, id, box));
  element.id = id;
  element.name = field.name;
  element.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  make("p", hint(field), box, { class: "hint", id: `${id}-hint` });
  const error = make("p", "", box, { class: "error", id: `${id}-error` });
  return { field, element, error, ...access(field, element) };
}

function elementOf(field, id, box) {
  const choices = choicesOf(field);
  if (choices.length && choices.length <= MOST_OPTIONS) {
    const select = make("select", "");
    if (field.missing) make("option", "(missing)", select, { value: "null" });
    for (const choice of choices) make("option", plain(choice), select, { value: choice });
    return select;
  }
  const input = make("input", "", null, { type: "text", autocomplete: "off", spellcheck: "false" });
  if (field.type === "number" || field.type === "integer") input.inputMode = "decimal";
  if (field.type === "datetime") input.placeholder = "2026-01-31T12:00:00";
  if (choices.length) {
    const list = make("datalist", "", box, { id: `${id}-choices` });
    for (const choice of choices) make("option", "", list, { value: plain(choice) });
    input.setAttribute("list", list.id);
  }
  return input;
}

const choicesOf = field => field.choices.length ? field.choices : field.type === "boolean" ? ["true", "false"] : [];

function hint(field) {
  const kinds = { number: "number", integer: "whole number", boolean: "true or false", string: "text", datetime: "date and time", any: "number or text" };
  const parts = [];
  if (field.range) parts.push(`${number(field.range.low)} to ${number(field.range.high)}${commonSource() ? "" : ` in ${field.range.source}`}`);
  else if (!choicesOf(field).length) parts.push(kinds[field.type] ?? field.type);
  if (field.missing && field.choices.length === 0) parts.push("may be empty");
  return parts.join(", ");
}

// A field is read as JSON text, since JavaScript has no integers beyond 2^53. A wrong number is sent as the text that it
// is: the server says what is wrong with it.
function access(field, element) {
  if (element.tagName === "SELECT")
    return {
      read: () => element.value,
      show: text => {
        if (![...element.options].some(option => option.value === text) && text !== "null") make("option", plain(text), element, { value: text });
        element.value = text;
        if (element.selectedIndex < 0) element.selectedIndex = 0;
      },
    };
  const read = () => {
    const text = element.value.trim();
    if (text === "") return "null";
    if (field.type !== "string" && field.type !== "datetime" && NUMBER.test(text)) return text;
    if (field.type === "any" && (text === "true" || text === "false")) return text;
    return JSON.stringify(element.value);
  };
  return { read, show: text => { element.value = plain(text); } };
}

// A JSON text as people write it: a string without its quotes, a missing value as nothing.
const plain = text => text === "null" ? "" : text.startsWith('"') ? JSON.parse(text) : text;

function textBox() {
  const tokens = form.form === "tokens";
  const box = make("div", "", by("fields"), { class: "field" });
  make("label", tokens ? "Words, separated by spaces" : "Text", box, { for: "text" });
  const element = make("textarea", "", box, { id: "text", rows: "6", "aria-describedby": "text-error" });
  const error = make("p", "", box, { class: "error", id: "text-error" });
  const read = () => JSON.stringify(tokens ? element.value.split(/\s+/).filter(Boolean) : element.value);
  const show = text => { const value = JSON.parse(text); element.value = tokens ? value.join(" ") : value; };
  return { field: null, element, error, read, show };
}

function fill() {
  by("json").value = indented(form.example);
  for (const input of inputs) input.show(input.field ? input.field.example : form.example);
}

function indented(text) {
  if (/\d{16}/.test(text)) return text;  // parsed and written again, a large integer would be another
  const value = JSON.parse(text);
  return Array.isArray(value) ? `[${value.map(each => JSON.stringify(each)).join(", ")}]` : JSON.stringify(value, null, 2);
}

function showJson(shown) {
  if (shown && inputs.length) by("json").value = row();
  by("json-box").hidden = !shown;
  by("fields").hidden = shown;
  by("as-json").setAttribute("aria-pressed", String(shown));
}

function row() {
  if (!by("json-box").hidden || !inputs.length) return by("json").value.trim();
  if (!inputs[0].field) return inputs[0].read();
  const given = inputs.filter(input => !(leftOut(input) && input.read() === "null"));
  if (form.named || form.form === "dicts")
    return `{${given.map(input => `${JSON.stringify(input.field.name)}: ${input.read()}`).join(", ")}}`;
  return `[${inputs.map(input => input.read()).join(", ")}]`;
}

const leftOut = input => input.field.unused || form.form === "dicts";

// ---- a request ---------------------------------------------------------------------------------------------------

const PATHS = { predict: "predict", transform: "transform" };

function request() {
  const path = PATHS[form.method];
  if (path) return { path, body: `{"data": [${row()}]}` };
  const values = row();
  const count = values === "[]" ? 0 : values.split(",").length;
  const tensor = `{"name": "input", "shape": [1, ${count}], "datatype": "FP64", "data": ${values}}`;
  return { path: `v2/models/${encodeURIComponent(form.model)}/infer`, body: `{"inputs": [${tensor}], "outputs": [{"name": "${form.method}"}]}` };
}

async function post(path, body) {
  return answered(await fetch(path, { method: "POST", body, headers: { "Content-Type": "application/json" } }));
}

async function send() {
  const mine = ++asked;
  clearErrors();
  if (!by("json-box").hidden) {
    try { JSON.parse(by("json").value); } catch (error) { return refuse(`not JSON: ${error.message}`); }
  }
  const { path, body } = request();
  last = { url: new URL(path, document.baseURI).href, body };
  showSnippet();
  by("send").disabled = true;
  const began = performance.now();
  try {
    const answer = await post(path, body);
    const took = performance.now() - began;
    const more = form.method === "predict" ? [
      form.probabilities ? post("predict_proba", body).catch(() => null) : null,
      form.explanation.possible ? post("explain", body).catch(error => ({ error: error.message })) : null,
    ] : [];
    const [probabilities, explanation] = await Promise.all(more);
    if (mine !== asked) return;
    showAnswer(answer, took, probabilities);
    showProbabilities(probabilities);
    showExplanation(explanation);
  } catch (error) {
    if (mine === asked) refuse(error.message);
  } finally {
    if (mine === asked) by("send").disabled = false;
  }
}

function clearErrors() {
  by("form-error").textContent = by("json-error").textContent = "";
  by("json").removeAttribute("aria-invalid");
  for (const { element, error } of inputs) {
    error.textContent = "";
    element.removeAttribute("aria-invalid");
  }
}

// The server names the place of what it refuses: data[0][2], data[0]['age'], or the names that are missing.
function refuse(message) {
  by("send").disabled = false;
  for (const id of ["answer", "probabilities", "explanation"]) by(id).replaceChildren();
  make("p", "None: see the input.", by("answer"), { class: "hint" });
  const shown = by("json-box").hidden ? inputs.filter(input => input.field) : [];
  const found = shown.filter((input, at) => placesOf(input.field.name, at).some(place => message.includes(place)));
  const alone = by("json-box").hidden ? (inputs.length === 1 ? inputs[0] : null) : { element: by("json"), error: by("json-error") };
  const place = found[0] ?? alone;
  if (!place) {
    by("form-error").textContent = message;
    return;
  }
  place.error.textContent = message;
  place.element.setAttribute("aria-invalid", "true");
  place.element.focus();
}

const placesOf = (name, at) => form.named || form.form === "dicts"
  ? [`[${quoted(name)}]`, ` lacks ${quoted(name)}`]
  : [`data[0][${at}]`];

// A name as the server's errors have it: Python's repr of its first characters.
function quoted(name) {
  const text = [...name].slice(0, 100).join("").replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
  return text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replaceAll("'", "\\'")}'`;
}

// ---- the answer --------------------------------------------------------------------------------------------------

function showAnswer(answer, took, probabilities) {
  const box = by("answer");
  box.replaceChildren();
  const value = answer.outputs ? answer.outputs[0].data : Object.values(answer)[0][0];
  const words = Array.isArray(value) ? value.map(shown).join(", ") : shown(value);
  make("p", words, box, { class: words.length > 40 ? "result long" : "result" });
  const sure = probabilityOf(value, probabilities);
  const times = `answered in ${took < 10 ? took.toFixed(1) : Math.round(took)} ms`;
  make("p", sure === null ? times : `${percent(sure)} probable, ${times}`, box, { class: "hint" });
}

const shown = value => value === null ? "no number (NaN or infinite)" : typeof value === "number" ? number(value) : typeof value === "string" ? value : JSON.stringify(value);

function percent(share) {
  const digits = share === 0 || share === 1 ? 0 : share > 0.0995 && share < 0.9995 ? 1 : 2;
  return `${(100 * share).toFixed(digits)} %`;
}

function probabilityOf(value, found) {
  if (!found || !Array.isArray(found.classes)) return null;
  const at = found.classes.indexOf(value);
  return at < 0 || typeof found.probabilities[0][at] !== "number" ? null : found.probabilities[0][at];
}

function showProbabilities(found) {
  const box = by("probabilities");
  box.replaceChildren();
  if (!found || !found.classes.length || found.classes.some(Array.isArray) || Array.isArray(found.probabilities[0][0])) return;
  const rows = found.classes.map((label, at) => [label, found.probabilities[0][at]]);
  if (rows.length > MOST_BARS) rows.sort((one, other) => other[1] - one[1]);
  const table = make("table", "", box, { class: "bars" });
  make("caption", rows.length > MOST_BARS ? `The ${MOST_BARS} most probable of ${rows.length} classes` : "Probabilities", table);
  columns(table);
  head(table, "Class", "Probability");
  const body = make("tbody", "", table);
  for (const [label, share] of rows.slice(0, MOST_BARS)) {
    const line = make("tr", "", body);
    make("th", shown(label), line, { scope: "row" });
    make("td", percent(share), line, { class: "number" });
    bar(make("td", "", line, { class: "bar", "aria-hidden": "true" }), 0, share, "share");
  }
}

function columns(table) {
  const group = make("colgroup", "", table);
  for (const name of ["name", "number", "bar"]) make("col", "", group, { class: name });
}

function head(table, ...names) {
  const line = make("tr", "", make("thead", "", table, { class: "unseen" }));
  for (const name of names) make("th", name, line, { scope: "col" });
}

// A bar from `start` to `end`, of 0 to 1. The style is set by script, which the Content-Security-Policy allows.
function bar(cell, start, end, kind) {
  const track = make("div", "", cell, { class: `track ${kind}` });
  const filled = make("div", "", track, { class: "filled" });
  filled.style.left = `${100 * Math.min(start, end)}%`;
  filled.style.width = end === start ? "0" : `${Math.max(100 * Math.abs(end - start), 0.5)}%`;
}

function showExplanation(found) {
  const box = by("explanation");
  box.replaceChildren();
  const reason = found ? found.error : form.method === "predict" ? form.explanation.reason : "";
  if (!found && !reason) return;
  make("h3", "What moved the answer", box);
  if (reason) {
    make("p", `Not shown: ${reason}.`, box, { class: "hint" });
    return;
  }
  const { of, base, score, contributions, others } = found.explanations[0];
  const label = "class" in found.explanations[0] ? ` of ${shown(found.explanations[0].class)}` : "";
  const table = make("table", "", box, { class: "bars signed" });
  make("caption", `${of}${label}, as a sum`, table);
  columns(table);
  head(table, "Feature", "Contribution");
  const body = make("tbody", "", table);
  const listed = contributions.slice(0, MOST_BARS);
  const rest = others.contribution + contributions.slice(MOST_BARS).reduce((sum, each) => sum + each.contribution, 0);
  const count = others.count + contributions.length - listed.length;
  const largest = Math.max(...listed.map(each => Math.abs(each.contribution)), Math.abs(rest), 1e-300);
  part(body, "base", base, null);
  for (const { feature, value, contribution } of listed)
    part(body, value === null ? feature : `${feature} = ${shown(value)}`, contribution, contribution / largest);
  if (count) part(body, `${count} others`, rest, rest / largest);
  const total = part(make("tfoot", "", table), `= ${of}${label}`, score, null);
  total.className = "total";
  make("p", `${found.meaning}.`, box, { class: "hint" });
}

function part(parent, name, value, share) {
  const line = make("tr", "", parent);
  make("th", name, line, { scope: "row" });
  make("td", (value > 0 && share !== null ? "+" : "") + number(value), line, { class: "number" });
  const cell = make("td", "", line, { class: "bar", "aria-hidden": "true" });
  if (share !== null) bar(cell, 0.5, 0.5 + share / 2, share < 0 ? "less" : "more");
  return line;
}

// ---- code --------------------------------------------------------------------------------------------------------

function buildTabs() {
  const tabs = Object.keys(SNIPPETS).map((name, at) =>
    make("button", name, by("tabs"), { type: "button", role: "tab", id: `tab-${at}`, "aria-controls": "snippet-panel" }));
  const select = at => {
    tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(index === at));
      tab.tabIndex = index === at ? 0 : -1;
    });
    by("snippet-panel").setAttribute("aria-labelledby", tabs[at].id);
    showSnippet();
  };
  tabs.forEach((tab, at) => {
    tab.addEventListener("click", () => select(at));
    tab.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (at + step + tabs.length) % tabs.length;
      select(next);
      tabs[next].focus();
    });
  });
  select(0);
  by("copy").addEventListener("click", copy);
}

function showSnippet() {
  if (!last) return;
  const name = by("tabs").querySelector("[aria-selected=true]").textContent;
  by("snippet").textContent = SNIPPETS[name](last.url, last.body);
  by("copied").textContent = "";
  by("code").hidden = false;
}

// Browsers give the clipboard only to pages of https and of this machine; elsewhere the text is selected.
async function copy() {
  try {
    await navigator.clipboard.writeText(by("snippet").textContent);
    by("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(by("snippet"));
    by("copied").textContent = "Selected: copy it with your keyboard.";
  }
}
