// Elements. Names, labels and errors come from others: they are only ever set as text.
export const by = id => document.getElementById(id);

export function make(tag, text, parent, attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (parent) parent.appendChild(element);
  return element;
}

export function number(value) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-4 || size >= 1e9) ? value.toExponential(3) : String(Number(value.toPrecision(5)));
  return text.replace("-", "\u2212");  // the sign of minus, as wide as that of plus
}

export async function answered(response) {
  const text = await response.text();
  let body = null;
  try { body = JSON.parse(text); } catch { /* a proxy's page */ }
  if (response.ok && body) return body;
  const error = new Error((body && body.error) || `${response.status} ${response.statusText}`);
  error.status = response.status;
  error.retryAfter = Number(response.headers.get("Retry-After")) || 0;
  throw error;
}
