// Elements, words for figures, and charts. All text from outside goes in as text, never as markup.

export function el(tag, properties = {}, ...children) {
  const { attributes = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const UNKNOWN = "–";

const digits = (value) => String(Number(value.toPrecision(3)));

export const words = {
  rate: (value) => (value === null ? UNKNOWN : `${value >= 1000 ? `${digits(value / 1000)}k` : digits(value)}/s`),
  seconds: (value) => (value === null ? UNKNOWN : value < 1 ? `${digits(value * 1000)} ms` : `${digits(value)} s`),
  share: (value) => (value === null ? UNKNOWN : `${digits(value * 100)} %`),
  pods: (ready, wanted) => (ready === null && wanted === null ? UNKNOWN : `${ready ?? "?"}/${wanted ?? "?"}`),
  size: (bytes) => {
    const units = ["B", "KB", "MB", "GB"];
    const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
    return `${digits(bytes / 1000 ** power)} ${units[power]}`;
  },
};

const STEPS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [Infinity, 86400, "d"]];

export function age(iso) {
  const seconds = Math.max((Date.now() - Date.parse(iso)) / 1000, 0);
  const [, unit, name] = STEPS.find(([limit]) => seconds < limit);
  return seconds < 5 ? "now" : `${Math.floor(seconds / unit)} ${name} ago`;
}

// A time that stays right: `refreshAges` writes all of them again.
export function ago(iso) {
  const made = el("time");
  setAgo(made, iso);
  return made;
}

export function setAgo(node, iso) {
  if (!iso) {
    setText(node, UNKNOWN);
    return;
  }
  if (node.dateTime !== iso) {
    node.dateTime = iso;
    node.title = new Date(iso).toLocaleString();
  }
  setText(node, age(iso));
}

export function refreshAges() {
  for (const node of document.querySelectorAll("time[datetime]")) setText(node, age(node.dateTime));
}

export function pill(state) {
  return el("span", { className: "pill", textContent: state, attributes: { "data-state": state } });
}

const probe = el("i", { hidden: true });

// A canvas needs the colour that light-dark() in a variable stands for in this theme.
function color(name) {
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const at = (index, count, seconds, end) => end - (count - 1 - index) * seconds;

function options(width, height, more) {
  return { width, height, legend: { show: false }, cursor: { show: false }, ...more };
}

const line = () => ({ stroke: color("--accent"), fill: color("--accent-wash"), width: 1.5, points: { show: false } });

// A line without axes, next to the number that it belongs to.
export function sparkline(node, values) {
  node.replaceChildren();
  if (!values.some((value) => value > 0)) return;
  const none = { show: false };
  const scales = { x: { time: false }, y: { range: (_, __, most) => [0, most || 1] } };
  const series = [{}, line()];
  new uPlot(options(96, 24, { padding: [2, 0, 2, 0], axes: [none, none], scales, series }), [values.map((_, index) => index), values], node);
}

// A chart with axes, for one model that was opened.
export function chart(node, values, name, seconds) {
  node.replaceChildren();
  const width = Math.max(node.clientWidth, 200);
  const now = Date.now() / 1000;
  const text = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const span = values.length * seconds;
  const clock = span < 300 ? { timeStyle: "medium" } : { timeStyle: "short" };
  const axes = [{ ...text, size: 28, space: 90, values: (_, marks) => marks.map((mark) => new Date(mark * 1000).toLocaleTimeString([], clock)) }, { ...text, size: 64, values: (_, marks) => marks.map((mark) => (mark === null ? "" : words[name](mark))) }];
  const scales = { y: { range: (_, __, most) => [0, most || 1] } };
  const times = values.map((_, index) => at(index, values.length, seconds, now));
  new uPlot(options(width, 140, { axes, scales, series: [{}, line()] }), [times, values], node);
}
