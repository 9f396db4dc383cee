// How things are written: elements, spans of time, statuses. Everything that came from elsewhere reaches the page as text, never as markup.

// element makes an element with a class and children, which are nodes, text, or nothing.
export function element(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false && c !== ""));
  return node;
}

// link leads to an address of the web, and is the text alone where it is none.
export function link(address, ...children) {
  const to = webAddress(address);
  if (!to) return element("span", "", ...children);
  const node = element("a", "", ...children);
  node.href = to;
  node.rel = "noreferrer noopener";
  return node;
}

export function webAddress(address) {
  try {
    const url = new URL(address);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

export function button(text, className, act, key = "") {
  const node = element("button", className, text);
  node.type = "button";
  if (key) node.dataset.key = key;
  node.addEventListener("click", () => act(node));
  return node;
}

// render puts other children into a node where signature says that they differ from those that are there, and keeps the focus where it was.
export function render(node, signature, build) {
  const text = JSON.stringify(signature);
  if (node.signature === text) return false;
  node.signature = text;
  const active = document.activeElement;
  const key = node.contains(active) ? active.dataset.key : "";
  node.replaceChildren(...[build()].flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false && c !== ""));
  if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  return true;
}

// seconds reads a span of time such as PT1H2M3.5S; null where it is none.
export function seconds(iso) {
  const m = /^(-?)PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$/.exec(iso ?? "");
  if (!m) return null;
  return (m[1] ? -1 : 1) * ((+m[2] || 0) * 3600 + (+m[3] || 0) * 60 + (+m[4] || 0));
}

// spell writes a span of time in its two largest units: 3 min 20 s.
export function spell(s) {
  s = Math.max(0, Math.round(s));
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  const minutes = Math.round(s / 60);
  if (minutes < 48 * 60) return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
  return `${Math.round(minutes / 60 / 24)} days`;
}

// counting is a span of time that grows, or shrinks to zero, from now on.
export function counting(from, direction, write = spell) {
  const node = element("span", "counting");
  node.count = { from, direction, at: performance.now(), write };
  tick(node);
  return node;
}

function tick(node) {
  const { from, direction, at, write } = node.count;
  const text = write(Math.max(0, from + (direction * (performance.now() - at)) / 1000));
  if (node.textContent !== text) node.textContent = text;
}

// tickAll has all that counts say how much it is now.
export function tickAll() {
  for (const node of document.querySelectorAll(".counting")) tick(node);
}

// when writes a moment: how long ago, with the moment itself for who points at it.
export function when(moment) {
  const at = new Date(moment);
  if (!moment || Number.isNaN(at.getTime())) return null;
  const node = element("time", "");
  node.dateTime = moment;
  node.title = at.toLocaleString();
  const ago = (Date.now() - at) / 1000;
  node.textContent = ago < 45 ? "just now" : ago < 30 * 24 * 3600 ? `${spell(Math.round(ago / 60) * 60)} ago` : at.toLocaleDateString();
  return node;
}

export const clock = (moment) => new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export const percent = (n) => `${n.toFixed(1)} %`;

// points writes a change in percentage points, with a sign that is one.
export function points(n) {
  if (Math.abs(n) < 0.005) return "±0";
  return `${n < 0 ? "−" : "+"}${Math.abs(n).toFixed(Math.abs(n) < 0.05 ? 2 : 1)}`;
}

export const many = (n, one, more) => `${n.toLocaleString("en")} ${n === 1 ? one : more}`;

// statuses are how the graph's are shown: a word, a colour, and a shape that is told apart without the colour.
export const statuses = new Map(
  Object.entries({
    QUEUED: ["waiting", "idle", "M8 4.5V8l2.5 1.5"],
    WAITING: ["waiting for somebody", "idle", "M6.3 5v6M9.7 5v6"],
    RUNNING: ["running", "busy", ""],
    SUCCEEDED: ["passed", "good", "M4.8 8.3 7 10.5l4.2-4.8"],
    UNSTABLE: ["unstable", "warn", "M8 4.5v4M8 11v.1"],
    FAILED: ["failed", "bad", "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8"],
    TIMED_OUT: ["timed out", "bad", "M8 4.5V8h3"],
    CANCELED: ["canceled", "idle", "M5 8h6"],
    SKIPPED: ["skipped", "idle", "M6 5.5 9.5 8 6 10.5"],
    UNKNOWN: ["unknown", "idle", "M6.5 6.4a1.5 1.5 0 1 1 2.2 1.5c-.5.3-.7.6-.7 1M8 11v.1"],
  }),
);

const statusOf = (status) => statuses.get(status) ?? statuses.get("UNKNOWN");
export const word = (status) => statusOf(status)[0];
export const tone = (status) => statusOf(status)[1];
export const isDone = (status) => !["QUEUED", "WAITING", "RUNNING", "UNKNOWN"].includes(status);
export const isRed = (status) => ["FAILED", "TIMED_OUT", "UNSTABLE"].includes(status);

const svg = "http://www.w3.org/2000/svg";

// icon is the sign of a status. Who does not see it reads the word beside it.
export function icon(status) {
  const [, colour, path] = statusOf(status);
  const node = document.createElementNS(svg, "svg");
  node.setAttribute("class", `icon ${colour}`);
  node.setAttribute("viewBox", "0 0 16 16");
  node.setAttribute("aria-hidden", "true");
  const circle = document.createElementNS(svg, "circle");
  for (const [name, value] of [["cx", 8], ["cy", 8], ["r", 7]]) circle.setAttribute(name, value);
  node.append(circle);
  const line = document.createElementNS(svg, "path");
  line.setAttribute("d", path || "M8 1a7 7 0 0 1 7 7");
  if (!path) line.setAttribute("class", "turning");
  node.append(line);
  return node;
}

// numberOf writes the number of a pull request as its host does.
export const numberOf = (p) => `${/\/merge_requests\//.test(p.url) ? "!" : "#"}${p.number}`;

const soon = 60_000; // milliseconds: what is a little too old is being asked for again, and comes with the next look

// stale marks what is older than it may get.
export function stale(value) {
  if (value.freshness !== "STALE" || Date.now() - new Date(value.fetchedAt) < soon) return null;
  const node = element("span", "tag warn", value.fetchedAt ? `as of ${clock(value.fetchedAt)}` : "not current");
  node.title = `${value.source} cannot be asked now: this is what it said last`;
  return node;
}

// problems shows errors of the graph: that of each source once.
export function problems(errors, what) {
  const texts = [...new Set(errors.map((e) => String(e.message)))];
  return texts.slice(0, 5).map((text) => element("p", "note bad", element("strong", "", `${what} cannot be shown in full. `), text));
}
