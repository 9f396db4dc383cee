// Opens the playground in a real browser, headless: node check.mjs [URL [PICTURE]]. Without a URL it starts `callboard demo` itself; PICTURE is a PNG to save of the
// first example with its answer. It fails where the
// page reports an error or breaks its content policy, where an example does not answer, or where hostile names are more than data. It also has the
// GraphQL-over-HTTP working group's audit look at the server. It is skipped where no Chromium is installed.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { auditServer } from "graphql-http";

const patience = 60_000; // for a cold build of the binary and a slow machine

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const browser = ["chromium", "chromium-browser", "google-chrome"].find((name) => spawnSync(name, ["--version"]).status === 0);
if (!browser) {
  console.log("skipped: no Chromium is installed");
  process.exit(0);
}

const stops = []; // what to do at the end, last first
const ended = (child) => new Promise((resolve) => (child.exitCode !== null || child.signalCode !== null ? resolve() : child.once("exit", resolve)));
// A browser's own processes outlive it for a moment and write on.
const remove = (folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });

// start builds and starts Callboard on the example organisation, and returns its URL.
async function start() {
  const folder = mkdtempSync(join(tmpdir(), "callboard-check-"));
  stops.push(() => remove(folder));
  const binary = join(folder, "callboard");
  const built = spawnSync("go", ["build", "-o", binary, "./cmd/callboard"], { cwd: root, stdio: "inherit" });
  if (built.status !== 0) throw new Error("callboard cannot be built");
  const server = spawn(binary, ["demo", "--listen", "localhost:0", "--state", join(folder, "state")], { stdio: ["ignore", "pipe", "inherit"] });
  stops.push(() => {
    server.kill();
    return ended(server);
  });
  for await (const line of createInterface({ input: server.stdout })) {
    const url = line.match(/https?:\/\/\S+/);
    if (url) return url[0];
  }
  throw new Error("callboard demo ended before it said where it is");
}

// Page is one page of a browser, driven by the DevTools protocol over a pipe.
class Page {
  #browser;
  #session;
  #next = 0;
  #waiting = new Map();
  complaints = [];

  static async open() {
    const page = new Page();
    const profile = mkdtempSync(join(tmpdir(), "callboard-browser-"));
    stops.push(() => remove(profile));
    page.#browser = spawn(
      browser,
      ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--window-size=1400,900", `--user-data-dir=${profile}`, "--remote-debugging-pipe", "about:blank"],
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
    );
    stops.push(() => {
      page.send("Browser.close").catch(() => {});
      return ended(page.#browser);
    });
    page.#read();
    const { targetInfos } = await page.send("Target.getTargets");
    const target = targetInfos.find((t) => t.type === "page");
    page.#session = (await page.send("Target.attachToTarget", { targetId: target.targetId, flatten: true })).sessionId;
    for (const domain of ["Page", "Runtime", "Log"]) await page.send(`${domain}.enable`);
    return page;
  }

  #read() {
    let rest = Buffer.alloc(0);
    this.#browser.stdio[4].on("data", (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        this.#receive(JSON.parse(rest.subarray(0, end)));
        rest = rest.subarray(end + 1);
      }
    });
  }

  #receive(message) {
    if (message.id) {
      const { resolve, reject } = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error) reject(new Error(message.error.message));
      else resolve(message.result);
      return;
    }
    const { method, params } = message;
    if (method === "Runtime.exceptionThrown") this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Log.entryAdded" && params.entry.level !== "info" && params.entry.level !== "verbose") this.complaints.push(params.entry.text);
    if (method === "Runtime.consoleAPICalled" && ["error", "assert"].includes(params.type)) {
      this.complaints.push(params.args.map((a) => a.value ?? a.description).join(" "));
    }
  }

  send(method, params = {}) {
    const id = ++this.#next;
    const sessionId = method.startsWith("Browser.") ? undefined : this.#session;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#browser.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    });
  }

  // evaluate returns the value of an expression in the page.
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  // until waits until an expression is true in the page. An action is done at first, and again from time to time.
  async until(what, expression, action) {
    const end = Date.now() + patience;
    let next = 0;
    while (next === 0 || !(await this.evaluate(expression))) {
      if (Date.now() >= next) {
        await action?.();
        next = Date.now() + 3000;
      }
      if (Date.now() > end) throw new Error(`${what}: not within ${patience / 1000} s\n${await this.evaluate("document.body.innerText")}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async press(key, code, keyCode, modifiers = 0) {
    const event = { key, code, windowsVirtualKeyCode: keyCode, modifiers };
    await this.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...event });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  // write replaces what is in the element that the selector finds.
  async write(selector, text) {
    await this.evaluate(`document.querySelector(${JSON.stringify(selector)}).focus()`);
    await this.press("a", "KeyA", 65, 2);
    await this.send("Input.insertText", { text });
  }
}

const control = 2;
const hostile = "query Hostile { __proto__: __typename constructor: __typename }";

// What differs between the two pages: how many examples there are, how to open one, where the operation is written, and what the answer is. The
// editors write spaces that do not break.
const pages = {
  full: {
    examples: `document.querySelectorAll(".graphiql-tab").length`,
    open: (i) => `document.querySelectorAll(".graphiql-tab-button")[${i}].click()`,
    editor: ".graphiql-query-editor textarea, .graphiql-query-editor .native-edit-context",
    run: `document.querySelector(".graphiql-execute-button").click()`,
    answer: `(document.querySelector(".graphiql-response .view-lines")?.innerText ?? "").replaceAll("\\u00a0", " ")`,
    schema: [`document.querySelector('[aria-label="Show Documentation Explorer"]').click()`, `document.querySelector(".graphiql-doc-explorer-content")?.innerText ?? ""`],
  },
  small: {
    examples: `document.querySelectorAll("#examples button").length`,
    open: (i) => `document.querySelectorAll("#examples button")[${i}].click()`,
    editor: "#query",
    run: `document.querySelector("#run").click()`,
    answer: `document.querySelector("#result.old") ? "" : document.querySelector("#result").innerText`,
    schema: [`0`, `document.querySelector("#schema").innerText`],
  },
};

// audit has every rule checked that a server must keep. Its advice on clients that name no media type is older than the specification's.
async function audit(url) {
  const results = await auditServer({ url });
  const broken = results.filter((r) => r.status === "error" || r.status === "warn" && !/\*\/\*|accept is missing/.test(r.name));
  if (broken.length) throw new Error(broken.map((r) => `${r.name}: ${r.reason}`).join("\n"));
  console.log(`${results.length} rules of GraphQL over HTTP were checked`);
}

async function check() {
  const url = process.argv[2] ?? (await start());
  const examples = await (await fetch(new URL("/playground/examples.json", url))).json();
  await audit(new URL("/graphql", url).href);
  const page = await Page.open();
  await page.send("Page.navigate", { url });
  await page.until("the page", `document.querySelector("#query, .graphiql-query-editor .view-line") !== null`);
  const kind = (await page.evaluate(`document.querySelector("#query") !== null`)) ? "small" : "full";
  const the = pages[kind];

  await page.until("the examples", `${the.examples} >= ${Math.max(1, examples.length)}`);
  for (const [i, example] of examples.entries()) {
    await page.evaluate(the.open(i));
    const answered = `/^\\s*{\\s*"data"/.test(${the.answer}) && !/^ {2}"errors"/m.test(${the.answer})`; // data may have a field errors
    await page.until(`the answer to "${example.name}"`, answered, () => page.evaluate(the.run));
    if (i === 0 && process.argv[3]) writeFileSync(process.argv[3], Buffer.from((await page.send("Page.captureScreenshot")).data, "base64"));
  }

  await page.write(the.editor, hostile);
  await page.until(
    "hostile names in the answer",
    `/"__proto__": "Query"/.test(${the.answer}) && /"constructor": "Query"/.test(${the.answer})`,
    () => page.press("Enter", "Enter", 13, control),
  );
  if (await page.evaluate(`Object.keys(Object.prototype).length > 0 || ({}).constructor !== Object`)) throw new Error("hostile names became more than data");

  await page.evaluate(the.schema[0]);
  await page.until("the schema", `/Query/i.test(${the.schema[1]})`);
  if (page.complaints.length) throw new Error(`the page complained:\n${page.complaints.join("\n")}`);
  console.log(`the ${kind} playground answers ${examples.length} examples and keeps its content policy`);
}

let status = 0;
try {
  await check();
} catch (error) {
  console.error(error.message);
  status = 1;
}
for (const stop of stops.reverse()) await stop();
process.exit(status);
