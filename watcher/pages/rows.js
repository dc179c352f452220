// One model as a row, and what is below it when it is opened.

import { ago, chart, el, pill, setAgo, setText, sparkline, words } from "./parts.js";

export const TROUBLE = ["Failed", "Rejected", "Held"];

const FACTS = [
  ["version", "Version"],
  ["pods", "Replicas"],
  ["rate", "Requests"],
  ["p99", "p99"],
  ["errors", "Errors"],
  ["since", "Since"],
];

let made = 0;

// `history(key)` returns the figures of the last minutes, and `load(model)` a promise of the model with its events.
export class Row {
  constructor(model, { history, load, visible }) {
    this.history = history;
    this.load = load;
    this.key = keyOf(model);
    const details = `details-${(made += 1)}`;
    this.button = el(
      "button",
      { type: "button", attributes: { "aria-expanded": "false", "aria-controls": details } },
      el("span", { className: "namespace", textContent: `${model.namespace}/` }),
      el("span", { className: "model-name", textContent: model.model }),
    );
    this.button.addEventListener("click", () => this.toggle());
    this.state = el("p", { className: "state" });
    this.facts = Object.fromEntries(FACTS.map(([name]) => [name, el(name === "since" ? "time" : "span")]));
    this.spark = el("span", { className: "spark", attributes: { "aria-hidden": "true" } });
    const list = el("dl", { className: "facts" }, ...FACTS.map(([name, label]) => this.fact(name, label)));
    this.reason = el("p", { className: "reason", hidden: true });
    this.details = el("div", { className: "details", id: details, hidden: true });
    const head = el("div", { className: "row" }, el("h2", {}, this.button), this.state, list);
    this.node = el("li", {}, head, this.reason, this.details);
    this.isVisible = false;
    visible.watch(this.node, (seen) => {
      this.isVisible = seen;
      if (seen) this.draw();
    });
    this.update(model);
  }

  fact(name, label) {
    const value = el("dd", {}, this.facts[name], name === "rate" ? this.spark : null);
    return el("div", { className: name }, el("dt", { textContent: label }), value);
  }

  // Return whether the model was different before.
  update(model) {
    const text = JSON.stringify(model);
    if (text === this.text) return false;
    this.text = text;
    this.model = model;
    this.words = `${this.key} ${model.version} ${model.serving} ${model.state} ${model.reason}`.toLowerCase();
    if (this.node.dataset.state !== model.state) {
      this.node.dataset.state = model.state;
      this.state.replaceChildren(pill(model.state));
    }
    const { rate, p99, errors } = model.traffic;
    setText(this.facts.version, versionOf(model));
    setText(this.facts.pods, words.pods(model.ready, model.replicas));
    setText(this.facts.rate, words.rate(rate));
    setText(this.facts.p99, words.seconds(p99));
    setText(this.facts.errors, words.share(errors));
    this.facts.errors.classList.toggle("bad", errors > 0);
    setAgo(this.facts.since, model.since);
    setText(this.reason, model.reason);
    this.reason.hidden = !model.reason;
    // The figures change all the time. What a reader has opened is made again only for something else.
    const told = JSON.stringify({ ...model, traffic: null });
    if (told !== this.told && this.isOpen) this.fill();
    this.told = told;
    return true;
  }

  get isOpen() {
    return !this.details.hidden;
  }

  // Draw what comes from the history; only where someone sees it.
  draw() {
    if (!this.isVisible) return;
    const figures = this.history(this.key);
    sparkline(this.spark, figures.rate);
    if (this.isOpen && !this.charts && figures.rate.some((value) => value !== null)) this.fill();
    if (this.charts) for (const [name, as, node] of this.charts) chart(node, figures[name], as, this.history.seconds());
  }

  toggle() {
    this.details.hidden = !this.details.hidden;
    this.button.setAttribute("aria-expanded", String(this.isOpen));
    if (this.isOpen) this.fill();
  }

  async fill() {
    const asked = this.told;
    let found;
    try {
      found = await this.load(this.model);
    } catch {
      if (!this.details.firstChild) this.details.append(el("p", { className: "muted", textContent: "The watcher does not answer now." }));
      return;
    }
    if (asked !== this.told) return; // a later call shows what is newer
    this.details.replaceChildren(this.about(found), this.figures(), versions(found.versions), steps(found.events));
    this.draw();
  }

  about(found) {
    const loaded = LOADED[found.loaded];
    return el(
      "p",
      { className: "about", hidden: !found.url && !loaded },
      found.url ? address(found) : null,
      loaded ? el("span", { className: "muted", textContent: loaded }) : null,
    );
  }

  figures() {
    const { rate } = this.history(this.key);
    this.charts = null;
    if (!rate.some((value) => value !== null)) return el("p", { className: "muted", textContent: "No figures of its traffic yet." });
    this.charts = [["rate", "rate"], ["p99", "seconds"]].map(([name, as]) => [name, as, el("div", { className: "chart", attributes: { "aria-hidden": "true" } })]);
    const [first, second] = this.charts.map(([, , node]) => node);
    return el(
      "div",
      { className: "charts" },
      el("figure", {}, el("figcaption", { textContent: "Requests a second" }), first),
      el("figure", {}, el("figcaption", { textContent: "99th percentile" }), second),
    );
  }
}

export const keyOf = (model) => `${model.namespace}/${model.model}`;

const LOADED = { data: "Loaded as data: nothing of the file was run.", code: "Loaded as code." };

function versionOf({ serving, version, versions }) {
  const newest = versions.find((item) => item.state && item.state !== "Superseded")?.version ?? "";
  const wanted = version || newest;
  if (!serving) return wanted || "–";
  return !wanted || wanted === serving ? serving : `${serving} → ${wanted}`;
}

// A Service's name means nothing outside of its cluster, so that it is no link. Other addresses are, and end in "/": the
// page there loads its files by names below it, also behind a gateway that removes a prefix.
function address({ namespace, model, url }) {
  const isService = url === `http://${model}-model-serving.${namespace}`;
  const isLink = /^https?:\/\//.test(url) && !isService;
  return isLink ? el("a", { href: `${url}/`, textContent: url, rel: "noreferrer" }) : el("code", { textContent: url });
}

function versions(items) {
  const names = ["Version", "State", "Size", "Uploaded"];
  const heads = names.map((textContent) => el("th", { scope: "col", textContent }));
  const rows = items.flatMap((item) => [
    el(
      "tr",
      {},
      el("th", { scope: "row", textContent: item.version }),
      el("td", {}, item.state ? pill(item.state) : "–"),
      el("td", { textContent: words.size(item.size) }),
      el("td", {}, ago(item.modified)),
    ),
    ...(item.reason ? [el("tr", { className: "because" }, el("td", { className: "why", colSpan: names.length, textContent: item.reason }))] : []),
  ]);
  return el(
    "table",
    {},
    el("caption", { textContent: "Versions in the bucket" }),
    el("thead", {}, el("tr", {}, ...heads)),
    el("tbody", {}, ...rows),
  );
}

function steps(events) {
  const list = el("ol", { className: "events" }, ...events.map((step) => stepOf(step)));
  return el("div", { className: "happened" }, el("h3", { textContent: "What happened to it" }), list);
}

export function stepOf(step) {
  const name = step.model ? el("strong", { textContent: keyOf(step) }) : null;
  const version = step.version ? el("span", { className: "version", textContent: step.version }) : null;
  const reason = step.reason ? el("span", { className: "why", textContent: step.reason }) : null;
  return el("li", {}, ago(step.time), el("span", { className: "stated" }, pill(step.state)), name, version, reason);
}
