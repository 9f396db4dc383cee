// The small playground: one operation, its answer, the schema. Everything that came from elsewhere reaches the page as text, never as
// markup, and names that came from elsewhere are keys of Maps, never of objects.

const $ = (id) => document.getElementById(id);
const endpoint = new URL("./graphql", document.baseURI);

// element makes an element with a class and children, which are nodes or text.
function element(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

async function post(body) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json, application/json;q=0.9" },
    body,
  });
  return { status: response.status, text: await response.text() };
}

// --- the answer

// tokens cuts JSON into its tokens without parsing values: what is shown is what was sent, to the last digit of a number.
function* tokens(text) {
  const token = /\s+|"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+|"/gy;
  for (let m = token.exec(text); m; m = token.exec(text)) {
    if (m[0].trim()) yield m[0];
  }
}

const colourLimit = 300_000; // characters: a page with more coloured pieces than that is slow to scroll

// writeJSON shows JSON, indented and, where it is not too long, coloured.
function writeJSON(target, text) {
  const out = document.createDocumentFragment();
  const all = [...tokens(text)];
  let depth = 0;
  const line = () => "\n" + "  ".repeat(depth);
  let plain = "";
  const flush = () => {
    if (plain) out.append(plain);
    plain = "";
  };
  for (let i = 0; i < all.length; i++) {
    const t = all[i];
    if (t === "{" || t === "[") {
      const empty = all[i + 1] === (t === "{" ? "}" : "]");
      plain += empty ? t + all[++i] : t;
      if (!empty) {
        depth++;
        plain += line();
      }
    } else if (t === "}" || t === "]") {
      depth = Math.max(0, depth - 1);
      plain += line() + t;
    } else if (t === ",") {
      plain += t + line();
    } else if (t === ":") {
      plain += ": ";
    } else {
      if (text.length > colourLimit) {
        plain += t;
        continue;
      }
      flush();
      const kind = t[0] !== '"' ? "other" : all[i + 1] === ":" ? "key" : "string";
      out.append(element("span", kind, t));
    }
  }
  flush();
  target.replaceChildren(out);
}

let running = 0;

async function run() {
  const status = $("status");
  const result = $("result");
  let body;
  try {
    body = requestBody($("query").value, $("variables").value);
  } catch (error) {
    status.className = "failed";
    status.textContent = `the variables are not a JSON object: ${error.message}`;
    $("variables").focus();
    return;
  }
  const turn = ++running;
  status.className = "";
  status.textContent = "running…";
  result.classList.add("old");
  const start = performance.now();
  try {
    const { status: code, text } = await post(body);
    if (turn !== running) return; // a newer one was started
    const took = Math.round(performance.now() - start);
    status.textContent = `status ${code}, ${took} ms, ${new Blob([text]).size.toLocaleString("en")} bytes`;
    status.className = code === 200 ? "" : "failed";
    writeJSON(result, text);
  } catch (error) {
    if (turn !== running) return;
    status.className = "failed";
    status.textContent = `no answer: ${error.message}`;
  } finally {
    if (turn === running) result.classList.remove("old");
  }
}

// requestBody puts the variables into the request as they were typed, so that large numbers stay what they are.
function requestBody(query, variables) {
  if (!variables.trim()) return JSON.stringify({ query });
  const value = JSON.parse(variables);
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error("put them in { }");
  return `{"query":${JSON.stringify(query)},"variables":${variables}}`;
}

// --- the editor

function indent(event) {
  if (event.key === "Escape") {
    event.target.dataset.leave = "yes"; // the next Tab moves on, as for everybody who has no mouse
    return;
  }
  if (event.key === "Tab" && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.target.dataset.leave) {
    event.preventDefault();
    event.target.setRangeText("  ", event.target.selectionStart, event.target.selectionEnd, "end");
  }
  if (event.key !== "Tab") delete event.target.dataset.leave;
}

function showExamples(examples) {
  const list = $("examples");
  const show = (example, button) => {
    $("query").value = example.query.trimEnd() + "\n";
    $("variables").value = example.variables ? JSON.stringify(example.variables, null, 2) : "";
    for (const other of list.children) other.removeAttribute("aria-current");
    button?.setAttribute("aria-current", "true");
  };
  for (const example of examples) {
    const button = element("button", "", example.name);
    button.type = "button";
    button.addEventListener("click", () => {
      show(example, button);
      run();
    });
    list.append(button);
  }
  list.hidden = examples.length === 0;
  const first = examples[0] ?? { query: "# What is in the graph?\n{\n  __schema {\n    queryType {\n      fields { name description }\n    }\n  }\n}" };
  show(first, list.firstElementChild);
}

// --- the schema

const reference = "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
const introspection = `{
  __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types {
      kind name description
      fields(includeDeprecated: true) { name description isDeprecated deprecationReason args { name description defaultValue type { ${reference} } } type { ${reference} } }
      inputFields { name description defaultValue type { ${reference} } }
      enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
      interfaces { name }
      possibleTypes { name }
    }
  }
}`;

const schema = { types: new Map(), roots: [] };
let trail = [];

async function readSchema() {
  const { text } = await post(JSON.stringify({ query: introspection }));
  const answer = JSON.parse(text);
  if (!answer.data) {
    $("schema").replaceChildren(element("p", "hint", `the schema cannot be read: ${answer.errors?.[0]?.message ?? "no reason was given"}`));
    return;
  }
  const s = answer.data.__schema;
  for (const type of s.types) schema.types.set(type.name, type);
  schema.roots = [s.queryType, s.mutationType, s.subscriptionType].filter(Boolean).map((t) => t.name);
  open([]);
}

// typeNodes returns nodes for a reference such as [Component!]!, in which the name can be followed.
function typeNodes(type) {
  if (type.kind === "NON_NULL") return [...typeNodes(type.ofType), "!"];
  if (type.kind === "LIST") return ["[", ...typeNodes(type.ofType), "]"];
  return [typeLink(type.name)];
}

function typeLink(name) {
  const link = element("button", "type", name);
  link.type = "button";
  link.addEventListener("click", () => open([...trail.filter((t) => t !== name), name]));
  return link;
}

// open shows the last type of the trail, or the page of contents where it is empty.
function open(to) {
  trail = to;
  $("search").value = "";
  const steps = to.length ? [element("button", "type", "all types"), ...to.slice(0, -1).flatMap((name) => ["›", typeLink(name)])] : [];
  if (steps[0]) {
    steps[0].type = "button";
    steps[0].addEventListener("click", () => open([]));
  }
  $("trail").replaceChildren(...steps);
  const pane = $("schema");
  pane.replaceChildren(...(to.length ? typePage(schema.types.get(to.at(-1))) : contents("")));
  pane.scrollTop = 0;
}

function contents(search) {
  const wanted = search.toLowerCase();
  const matches = (text) => text.toLowerCase().includes(wanted);
  const names = [...schema.types.keys()].filter((name) => !name.startsWith("__")).sort();
  const out = [];
  const section = (title, found) => {
    if (found.length) out.push(element("h4", "", title), element("ul", "", ...found.map((name) => element("li", "", typeLink(name)))));
  };
  if (!wanted) section("Where operations start", schema.roots);
  section(wanted ? "Types" : "All types", names.filter((name) => matches(name) && (wanted || !schema.roots.includes(name))));
  if (wanted) {
    const fields = [];
    for (const name of names) {
      const type = schema.types.get(name);
      for (const f of type.fields ?? type.inputFields ?? []) {
        if (matches(f.name)) fields.push(element("li", "", typeLink(name), ".", element("span", "field", f.name)));
      }
    }
    const shown = 200; // more is not read by anybody
    if (fields.length) out.push(element("h4", "", fields.length > shown ? `Fields (the first ${shown} of ${fields.length})` : "Fields"), element("ul", "", ...fields.slice(0, shown)));
    if (!out.length) out.push(element("p", "hint", "nothing has a name like that"));
  }
  return out;
}

function described(node, item) {
  if (item.description) node.append(element("p", "", item.description));
  if (item.isDeprecated) node.append(element("p", "", `deprecated: ${item.deprecationReason ?? "no reason was given"}`));
  return node;
}

function typePage(type) {
  const kind = type.kind.toLowerCase().replaceAll("_", " ");
  const out = [element("h3", "", element("span", "argument", kind + " "), type.name)];
  if (type.description) out.push(element("p", "", type.description));
  const list = (title, items, line) => {
    if (items?.length) out.push(element("h4", "", title), element("ul", "", ...items.map(line)));
  };
  const fieldName = (f) => element("span", f.isDeprecated ? "field deprecated" : "field", f.name);
  const input = (a) => [a.name, ": ", ...typeNodes(a.type), ...(a.defaultValue === null ? [] : [` = ${a.defaultValue}`])];
  list("Fields", type.fields, (f) => {
    const args = f.args.flatMap((a, i) => [i ? ", " : "", element("span", "argument", ...input(a))]);
    return described(element("li", "", fieldName(f), ...(args.length ? ["(", ...args, ")"] : []), ": ", ...typeNodes(f.type)), f);
  });
  list("Input fields", type.inputFields, (f) => described(element("li", "", fieldName(f), ...input(f).slice(1)), f));
  list("Values", type.enumValues, (v) => described(element("li", "", fieldName(v)), v));
  list("Implements", type.interfaces, (t) => element("li", "", typeLink(t.name)));
  list("Possible types", type.possibleTypes, (t) => element("li", "", typeLink(t.name)));
  return out;
}

// --- start

$("run").addEventListener("click", run);
$("query").addEventListener("keydown", indent);
$("variables").addEventListener("keydown", indent);
$("search").addEventListener("input", () => {
  $("trail").replaceChildren();
  $("schema").replaceChildren(...contents($("search").value.trim()));
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  }
});

const examples = await fetch(new URL("./playground/examples.json", document.baseURI))
  .then((response) => response.json())
  .catch(() => []);
showExamples(examples);
run();
readSchema().catch((error) => $("schema").replaceChildren(element("p", "hint", `the schema cannot be read: ${error.message}`)));
