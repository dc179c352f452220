// The status page: it shows what GET /stream sends, and asks for the rest.

import { ago, el, pill, refreshAges, setText } from "./parts.js";
import { Row, TROUBLE, keyOf, stepOf } from "./rows.js";

const ROWS_A_FRAME = 100; // a page of a thousand models stays responsive while it is made
const FIRST_STEPS = 12;
const ALL_STEPS = 500;
const POINTS = 60; // as the watcher keeps
const RETRY = 3000; // milliseconds
const PLACES = { local: "models on this machine", kubernetes: "models in the cluster" };

const $ = (id) => document.getElementById(id);
const rows = new Map();
const state = { status: null, chosen: "", text: "", allSteps: false, queue: [], trafficAt: null, step: 15, lost: false };

// ---- What is visible

const visible = {
  found: new Map(),
  watcher: new IntersectionObserver((entries) => {
    for (const entry of entries) visible.found.get(entry.target)?.(entry.isIntersecting);
  }, { rootMargin: "200px" }),
  watch(node, change) {
    this.found.set(node, change);
    this.watcher.observe(node);
  },
  forget(node) {
    this.found.delete(node);
    this.watcher.unobserve(node);
  },
};

// ---- The figures of the last minutes

const past = new Map();
const nothing = () => ({ rate: [], p99: [], errors: [] });
const history = (key) => past.get(key) ?? nothing();
history.seconds = () => state.step;

async function loadHistory() {
  const found = await get(`traffic`);
  past.clear();
  for (const { namespace, model, ...figures } of found.models) past.set(`${namespace}/${model}`, figures);
}

function addFigures(status) {
  const { at } = status.traffic;
  if (!at || at === state.trafficAt) return;
  if (state.trafficAt) {
    state.step = Math.max((Date.parse(at) - Date.parse(state.trafficAt)) / 1000, 1);
    for (const model of status.models) {
      const figures = history(keyOf(model));
      for (const name of Object.keys(figures)) figures[name] = [...figures[name], model.traffic[name]].slice(-POINTS);
      past.set(keyOf(model), figures);
    }
  }
  state.trafficAt = at;
  for (const row of rows.values()) row.draw();
}

// ---- The models

function showModels(models) {
  const now = new Set(models.map(keyOf));
  for (const [key, row] of rows) {
    if (now.has(key)) continue;
    visible.forget(row.node);
    row.node.remove();
    rows.delete(key);
  }
  for (const model of models) rows.get(keyOf(model))?.update(model);
  state.queue = models.filter((model) => !rows.has(keyOf(model)));
}

const load = (model) => get(`status/${encodeURIComponent(model.namespace)}/${encodeURIComponent(model.model)}`);

// Make the rows that are missing, some in each frame, at their places in the order of the status.
function makeRows() {
  const part = state.queue.splice(0, ROWS_A_FRAME);
  for (const model of part) rows.set(keyOf(model), new Row(model, { history, load, visible }));
  if (part.length) place();
  if (state.queue.length) requestAnimationFrame(makeRows);
  $("list").setAttribute("aria-busy", String(state.queue.length > 0));
  filter();
}

function place() {
  const list = $("list");
  let next = list.firstChild;
  for (const model of state.status.models) {
    const node = rows.get(keyOf(model))?.node;
    if (!node) continue;
    if (node === next) next = next.nextSibling;
    else list.insertBefore(node, next);
  }
}

function filter() {
  let shown = 0;
  for (const row of rows.values()) {
    const fits = (!state.chosen || row.model.state === state.chosen) && row.words.includes(state.text);
    row.node.hidden = !fits;
    shown += fits;
  }
  const all = state.status.models.length;
  const isFiltered = state.chosen || state.text;
  setText($("shown"), !isFiltered ? "" : shown ? `${shown} of ${all} models` : "No model fits the filter.");
  $("columns").hidden = !shown;
  $("filters").hidden = !all;
  $("empty").hidden = all > 0;
}

function showChips(models) {
  const counts = new Map();
  for (const model of models) counts.set(model.state, (counts.get(model.state) ?? 0) + 1);
  if (state.chosen && !counts.has(state.chosen)) counts.set(state.chosen, 0);
  const order = [...counts].sort(([one], [other]) => TROUBLE.includes(other) - TROUBLE.includes(one) || one.localeCompare(other));
  const wanted = [["", models.length], ...order];
  const text = JSON.stringify([wanted, state.chosen]);
  if ($("chips").dataset.text === text) return;
  $("chips").dataset.text = text;
  const focused = document.activeElement?.dataset.chip;
  $("chips").replaceChildren(
    ...wanted.map(([name, count]) => {
      const chip = el("button", {
        type: "button",
        textContent: `${name || "All"} `,
        attributes: { "aria-pressed": String(state.chosen === name), "data-chip": name, "data-state": name },
      }, el("span", { className: "count", textContent: String(count) }));
      chip.addEventListener("click", () => choose(name));
      return chip;
    }),
  );
  if (focused !== undefined) [...$("chips").children].find((chip) => chip.dataset.chip === focused)?.focus();
}

function choose(name) {
  state.chosen = state.chosen === name ? "" : name;
  showChips(state.status.models);
  filter();
}

// ---- The rest

function showLists(status) {
  setText($("about"), [storeOf(status.bucket), PLACES[status.runtime]].filter(Boolean).join(" · "));
  setText($("empty-bucket"), status.bucket || "of the watcher");
  setText($("models-count"), String(status.models.length));
  const used = status.sources.filter((source) => !isOff(source));
  const live = used.filter((source) => source.live).length;
  setText($("sources-count"), live === used.length ? String(live) : `${live} of ${used.length} live`);
  $("sources-count").classList.toggle("bad", live < used.length);
  setText($("refused-count"), String(status.refused.length));
  setText($("refused-hint"), status.refused.length ? "Keys in the bucket that resemble a model’s but cannot be served." : "None.");
  renew("refused-list", status.refused, (item) => el("li", {}, el("code", { textContent: item.key }), el("span", { className: "why", textContent: item.reason })));
  renew("sources-list", status.sources, sourceOf);
  notice(status.traffic.problem && `The traffic is not known: ${status.traffic.problem}`);
}

// A folder's path may be long; its last part tells it from others.
const storeOf = (bucket) => (bucket.includes("/") ? `folder ${bucket.split("/").at(-1)}` : bucket && `bucket ${bucket}`);

const isOff = (source) => !source.live && source.detail.startsWith("off:");

function sourceOf(source) {
  const kind = source.live ? "Live" : isOff(source) ? "Off" : "Not live";
  const hints = source.hints ? el("span", { className: "muted", textContent: `${source.hints} hint${source.hints === 1 ? "" : "s"}` }) : null;
  const detail = source.detail ? el("span", { className: "why", textContent: source.detail }) : null;
  const since = el("span", { className: "muted" }, "since ", ago(source.since));
  return el("li", {}, el("span", { className: "stated" }, pill(kind)), el("strong", { textContent: source.name }), hints, since, detail);
}

function renew(id, items, make) {
  const text = JSON.stringify(items);
  if ($(id).dataset.text === text) return;
  $(id).dataset.text = text;
  $(id).replaceChildren(...items.map(make));
}

let stepsAsked = 0;

async function showSteps() {
  const asked = (stepsAsked += 1);
  const { events } = await get(`timeline?limit=${state.allSteps ? ALL_STEPS : FIRST_STEPS + 1}`);
  if (asked !== stepsAsked) return;
  const some = state.allSteps ? events : events.slice(0, FIRST_STEPS);
  $("more-events").hidden = some.length === events.length;
  $("no-events").hidden = events.length > 0;
  renew("events", some, stepOf);
}

// What a screen reader says: models that came, went, or changed. A model may be Ready when it is first seen.
function changes(before, now) {
  const old = new Map(before.map((model) => [keyOf(model), model]));
  const said = [];
  for (const model of now) {
    const was = old.get(keyOf(model));
    old.delete(keyOf(model));
    if (was && was.state === model.state && was.serving === model.serving) continue;
    said.push(`${keyOf(model)}: ${model.state}${model.reason ? `, ${model.reason}` : ""}`);
  }
  return [...said, ...[...old.keys()].map((key) => `${key}: removed`)];
}

function announce(said) {
  if (!said.length) return;
  setText($("news"), said.length === 1 ? said[0] : `${said.length} models have changed; ${said[0]}`);
}

function notice(text) {
  setText($("notice"), text || "");
  $("notice").hidden = !text;
}

// ---- The stream

async function get(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function show(status) {
  const said = state.status ? changes(state.status.models, status.models) : [];
  state.status = status;
  showModels(status.models);
  showChips(status.models);
  showLists(status);
  addFigures(status);
  if (state.queue.length) makeRows();
  else filter();
  announce(said);
  showSteps().catch(() => {}); // the stream says that the watcher is gone
}

function connection(kind, text) {
  document.documentElement.dataset.connection = kind;
  setText($("connection"), text);
}

async function connect() {
  try {
    await loadHistory();
    state.trafficAt = null;
  } catch {
    lose();
    setTimeout(connect, RETRY);
    return;
  }
  const stream = new EventSource("stream");
  stream.addEventListener("status", (event) => {
    connection("live", state.lost ? "Live again" : "Live");
    show(JSON.parse(event.data));
  });
  stream.addEventListener("error", () => {
    lose();
    stream.close(); // a browser gives up after some answers, and its own pause is not ours
    setTimeout(connect, RETRY);
  });
}

function lose() {
  state.lost = true;
  connection("lost", state.status ? "Connection lost, what you see may be old. Reconnecting …" : "The watcher does not answer. Reconnecting …");
}

// ---- What people do

$("filter").addEventListener("input", (event) => {
  state.text = event.target.value.trim().toLowerCase();
  if (state.status) filter();
});
$("more-events").addEventListener("click", () => {
  state.allSteps = true;
  showSteps().catch(lose);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input")) return;
  event.preventDefault();
  $("filter").focus();
});
const redraw = () => rows.forEach((row) => row.draw());
document.documentElement.addEventListener("theme", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
window.addEventListener("resize", () => requestAnimationFrame(redraw));
setInterval(refreshAges, 5000);
connect();
