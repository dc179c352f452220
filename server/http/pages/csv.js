// A CSV file, scored in pieces that the server takes: each with the line of names, each a whole number of records.
import { answered, by, number } from "./dom.js";

const PIECE_BYTES = 1024 * 1024;
const PIECE_ROWS = 5000;
const TRIES = 8;

let stopping = null;

export function prepareCsv(form) {
  const { columns, reason } = form.csv;
  if (reason) {
    by("csv").hidden = true;
    by("no-csv").hidden = false;
    by("no-csv").textContent = `Not for this model: ${reason}.`;
    return;
  }
  const named = columns.length ? `Columns: ${columns.slice(0, 12).join(", ")}${columns.length > 12 ? ", …" : "."} ` : "";
  by("csv-hint").textContent =
    `${named}A file of any size: it is sent in pieces, below the server's limits of ` +
    `${number(form.limits.max_body_size / 1024 / 1024)} MiB (--max-body-size) and ` +
    `${form.limits.max_values.toLocaleString("en")} values (--max-values) for one request.`;
  by("file").addEventListener("change", () => by("file").files[0] && score(by("file").files[0], form));
  const drop = by("drop");
  drop.addEventListener("dragover", event => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", event => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files[0]) score(event.dataTransfer.files[0], form);
  });
  by("csv-stop").addEventListener("click", () => stopping && stopping.abort());
}

async function score(file, form) {
  if (stopping) stopping.abort();
  const mine = stopping = new AbortController();
  const result = by("csv-result");
  if (result.href) URL.revokeObjectURL(result.href);
  result.hidden = true;
  result.removeAttribute("href");
  by("csv-error").textContent = by("csv-status").textContent = "";
  by("csv-progress").value = 0;
  by("csv-run").hidden = false;
  const done = { rows: 0, parts: [] };
  try {
    for await (const piece of pieces(file, form.limits)) {
      const predictions = await sent(piece, mine.signal, done.rows);
      if (!done.parts.length) done.parts.push(headed(piece.header, predictions[0]), "\n");
      done.parts.push(piece.records.map((record, at) => `${record},${fields(predictions[at])}\n`).join(""));
      done.rows += piece.records.length;
      by("csv-progress").value = file.size ? piece.read / file.size : 1;
      by("csv-status").textContent = `${done.rows.toLocaleString("en")} rows scored`;
    }
    if (!done.rows) throw new Error("the file has no rows below its line of names");
    offer(result, file, done);
  } catch (error) {
    by("csv-status").textContent = "";
    by("csv-error").textContent =
      mine.signal.aborted ? `Stopped after ${done.rows.toLocaleString("en")} rows.` : `${file.name}: ${error.message}`;
  } finally {
    if (stopping === mine) {
      by("csv-run").hidden = true;
      stopping = null;
      by("file").value = "";  // the same file can be chosen again
    }
  }
}

function offer(link, file, done) {
  link.href = URL.createObjectURL(new Blob(done.parts, { type: "text/csv" }));
  link.download = file.name.replace(/(\.csv)?$/i, "-predictions.csv");
  link.textContent = `Download ${link.download}`;
  link.hidden = false;
  link.focus();
}

// ---- records: a line break inside quotes does not end one

async function* records(file) {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = file.stream().getReader();
  let rest = "", quoted = false, scanned = 0, read = 0;
  for (;;) {
    const { value, done } = await reader.read();
    let text;
    try { text = done ? decoder.decode() : decoder.decode(value, { stream: true }); }
    catch { throw new Error("it is not UTF-8: save it as CSV UTF-8"); }
    rest += text;
    read += value ? value.length : 0;
    let start = 0;
    for (; scanned < rest.length; scanned++) {
      const character = rest[scanned];
      if (character === '"') quoted = !quoted;
      else if (character === "\n" && !quoted) {
        yield { record: rest.slice(start, scanned).replace(/\r$/, ""), read };
        start = scanned + 1;
      }
    }
    rest = rest.slice(start);
    scanned -= start;
    if (done) break;
  }
  if (rest.trim()) yield { record: rest.replace(/\r$/, ""), read };
}

async function* pieces(file, limits) {
  let header = null, found = [], size = 0, most = PIECE_ROWS;
  const bytes = Math.min(PIECE_BYTES, limits.max_body_size / 2);
  for await (const { record, read } of records(file)) {
    if (header === null) {
      header = record;
      const width = header.split(",").length;
      most = Math.max(1, Math.min(PIECE_ROWS, Math.floor(limits.max_values / width) - 1));
      continue;
    }
    if (!record.trim()) continue;
    const length = 3 * record.length;  // bytes of UTF-8, at most
    if (found.length && (found.length >= most || size + length > bytes)) {
      yield { header, records: found, read };
      found = [];
      size = 0;
    }
    found.push(record);
    size += length;
  }
  if (found.length) yield { header, records: found, read: file.size };
}

// ---- one piece

async function sent(piece, signal, before) {
  const body = `${piece.header}\n${piece.records.join("\n")}\n`;
  for (let left = TRIES; ; left--) {
    try {
      const response = await fetch("invocations", {
        method: "POST", body, signal, headers: { "Content-Type": "text/csv; header=present" },
      });
      const { predictions } = await answered(response);
      if (predictions.length !== piece.records.length) throw new Error("the answer has another number of rows");
      return predictions;
    } catch (error) {
      if (error.status !== 503 || left <= 1) throw located(error, before);
      await pause(1000 * Math.max(1, error.retryAfter), signal);
    }
  }
}

// The server counts the lines of the piece that it received.
function located(error, before) {
  if (before) error.message = `after ${before.toLocaleString("en")} rows, in the next piece: ${error.message}`;
  return error;
}

const pause = (milliseconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", () => { clearTimeout(timer); reject(new Error("stopped")); });
});

// ---- the result

const headed = (header, first) =>
  `${header},${Array.isArray(first) ? first.map((_, at) => `prediction_${at}`).join(",") : "prediction"}`;

const fields = prediction => (Array.isArray(prediction) ? prediction : [prediction]).map(field).join(",");

function field(value) {
  const text = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
