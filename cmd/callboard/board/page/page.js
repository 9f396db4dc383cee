// The page: what is asked for when, and which part shows it. Parts that cannot be had do not take the others with them.
import { ask, errorsAt, follow, streams, token, GraphError } from "./graph.js";
import * as operations from "./operations.js";
import { button, element, isDone, isRed, many, numberOf, points, problems, render, tickAll, word } from "./show.js";
import { head } from "./head.js";
import { coverage } from "./coverage.js";
import { Card } from "./run.js";
import { sources } from "./sources.js";
import { LogPane } from "./log.js";

const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const single = location.pathname.endsWith("/pipeline-run");
const name = asked.get(single ? "id" : "url")?.trim() ?? "";

const often = 15_000; // milliseconds between two looks at the whole while something goes on
const rarely = 90_000;
const again = 3_000; // where something was remembered and is being asked for behind the answer

const parts = { head: element("div", "part"), errors: element("div", "part"), sum: element("div", "sum"), runs: element("div", "runs"), coverage: element("section", "part") };
parts.coverage.setAttribute("aria-label", "Coverage");
const cards = new Map(); // by id of the run
const following = new Map(); // by id of the run: how to stop
const log = new LogPane();

let answer = null; // the last that there was
let looking = null;
let timer = 0;
let hurried = false; // the last look was one of those

function say(text) {
  $("spoken").textContent = text;
}

function note(kind, title, ...text) {
  return element("div", `note ${kind}`, element("h1", "", title), ...text.map((t) => element("p", "", t)));
}

// look asks for everything once.
async function look() {
  clearTimeout(timer);
  if (looking) looking.abort();
  const mine = (looking = new AbortController());
  try {
    const got = await ask(single ? operations.run : operations.pullRequest, single ? { id: name } : { url: name }, { signal: mine.signal });
    answer = got;
    show();
    state("");
  } catch (error) {
    if (mine.signal.aborted) return;
    if (answer) state(error.message);
    else if (error.code === "UNAUTHENTICATED") whoAsks(error.message);
    else $("main").replaceChildren(note("bad", "This cannot be shown now", error.message, "The page asks again by itself."));
  }
  if (looking === mine) looking = null;
  plan();
}

// plan says when to look next. Nobody looks for who does not.
function plan() {
  clearTimeout(timer);
  if (document.hidden) return;
  const open = [...cards.values()].some((card) => !isDone(card.run.status));
  hurried = !hurried && (answer?.extensions?.sources ?? []).some((s) => s.stale > 0 && !s.failed && !s.errors?.length);
  timer = setTimeout(look, (hurried ? again : open || !answer ? often : rarely) * (0.9 + Math.random() / 5));
}

function state(text) {
  $("state").textContent = text;
  $("state").classList.toggle("bad", text !== "");
}

function show() {
  const of = single ? answer.data.pipelineRun : answer.data.pullRequest;
  if (!of) {
    const failed = errorsAt(answer, single ? "pipelineRun" : "pullRequest");
    const title = failed.length ? "This cannot be shown now" : single ? "There is no such run" : "There is no such pull request here";
    const why = failed.length
      ? failed.map((e) => e.message)
      : single
        ? ["None of the systems that Callboard is configured with has a run of this id."]
        : [`Callboard knows no pull request at ${name}.`, "Either there is none, or its host is none of those that Callboard is configured with."];
    $("main").replaceChildren(note(failed.length ? "bad" : "", title, ...why));
    document.title = `${title} · Callboard`;
    sources($("sources"), answer);
    return;
  }
  if (!parts.head.isConnected) {
    const builds = element("section", "part", single ? null : element("h2", "", "Builds"), parts.runs);
    builds.setAttribute("aria-label", "Builds");
    $("main").replaceChildren(parts.head, parts.errors, ...(single ? [] : [parts.sum]), builds, log.node, parts.coverage);
  }
  const path = single ? ["pipelineRun"] : ["pullRequest", "pipelineRuns"];
  const runs = single ? [of] : (of.pipelineRuns?.nodes ?? []);
  head(parts.head, of, single);
  showRuns(runs, path, of);
  const change = single ? of.coverage?.change : of.coverageChange;
  const failed = single ? errorsAt(answer, "pipelineRun", "coverage") : errorsAt(answer, "pullRequest", "coverageChange");
  coverage(parts.coverage, change, failed, runs.some((r) => !isDone(r.status)));
  sources($("sources"), answer);
  title();
}

function showRuns(runs, path, of) {
  // What has no part of its own is said above.
  const elsewhere = (answer.errors ?? []).filter((e) => !Array.isArray(e.path) || !["pipelineRuns", "coverageChange"].includes(e.path[1]));
  const ofList = single ? [] : errorsAt(answer, ...path).filter((e) => e.path[2] !== "nodes");
  render(parts.errors, [elsewhere, ofList], () => [...problems(single ? elsewhere.filter((e) => !Array.isArray(e.path)) : elsewhere, "Something here"), ...problems(ofList, "The list of builds")]);
  for (const [i, run] of runs.entries()) {
    const errors = single ? errorsAt(answer, ...path).filter((e) => e.path[2] !== "coverage") : errorsAt(answer, ...path, "nodes", i);
    const known = cards.get(run.id);
    if (known) known.update(run, errors);
    else cards.set(run.id, new Card(run, errors, { act, openLog, alone: single || runs.length === 1 }));
  }
  const ids = new Set(runs.map((r) => r.id));
  for (const id of cards.keys()) if (!ids.has(id)) cards.delete(id);
  const nodes = runs.map((r) => cards.get(r.id).node);
  if (nodes.length === 0 && !ofList.length && !single) {
    const text = of.pipelineRuns ? "No build has been started for the newest commit yet. This page notices when one is." : "Nothing that Callboard is configured with builds this repository.";
    render(parts.runs, text, () => element("p", "note", text));
  } else if (nodes.length !== parts.runs.children.length || nodes.some((n, i) => n !== parts.runs.children[i])) {
    parts.runs.signature = "";
    parts.runs.replaceChildren(...nodes);
  }
  followAll();
  sum();
}

// sum says the most important in one line.
function sum() {
  if (single) return;
  const all = [...cards.values()].map((card) => card.run);
  const of = answer.data.pullRequest;
  const count = (test) => all.filter(test).length;
  const facts = [];
  const add = (colour, text) => facts.push([colour, text]);
  if (all.length) {
    const passed = count((r) => r.status === "SUCCEEDED" || r.status === "SKIPPED");
    add(passed === all.length ? "good" : "", `${passed} of ${many(all.length, "build", "builds")} passed`);
    const red = count((r) => isRed(r.status));
    const running = count((r) => r.status === "RUNNING");
    const waiting = count((r) => r.status === "QUEUED" || r.status === "WAITING");
    if (red) add("bad", `${red} failed`);
    if (running) add("busy", `${running} running`);
    if (waiting) add("", `${waiting} waiting`);
    const canceled = count((r) => r.status === "CANCELED");
    if (canceled) add("", `${canceled} canceled`);
  }
  const fresh = all.reduce((n, r) => n + (r.tests?.newlyFailing?.length ?? 0), 0);
  if (fresh) add("bad", `${many(fresh, "test", "tests")} newly failing`);
  const change = of.coverageChange?.againstMergeBase;
  if (typeof change === "number") add(change < -0.005 ? "warn" : change > 0.005 ? "good" : "", `coverage ${points(change)} points`);
  render(parts.sum, facts, () => facts.map(([colour, text]) => element("span", `fact ${colour}`, text)));
}

function title() {
  const of = single ? answer.data.pipelineRun : answer.data.pullRequest;
  const all = [...cards.values()].map((card) => card.run.status);
  const mark = all.some(isRed) ? "✗ " : all.some((s) => !isDone(s)) ? "… " : all.length ? "✓ " : "";
  document.title = `${mark}${single ? `${of.pipeline.name} ${of.number ?? ""}` : `${numberOf(of)} ${of.title}`} · Callboard`;
}

// followAll follows the runs that are not done, as many as may be at once; the others are looked at with the whole.
function followAll() {
  for (const [id, stop] of following) {
    if (!document.hidden && cards.has(id) && !isDone(cards.get(id).run.status)) continue;
    stop();
    following.delete(id);
  }
  if (document.hidden) return;
  for (const [id, card] of cards) {
    if (following.size >= streams) break;
    if (isDone(card.run.status) || following.has(id)) continue;
    const end = () => following.delete(id);
    following.set(
      id,
      follow(operations.followRun, (last) => ({ id, after: last?.pipelineRun?.event ?? card.event ?? null }), {
        next(data) {
          if (data.pipelineRun) changed(card, data.pipelineRun);
        },
        state(how, tries) {
          card.connection(how, tries);
          if (how === "done") {
            end();
            look(); // what came of it: tests, coverage
          }
        },
        failed(error) {
          end();
          card.connection("cut", Infinity, error.message);
        },
      }),
    );
  }
}

function changed(card, run) {
  const before = card.run.status;
  card.event = run.event ?? card.event;
  card.update({ ...card.run, ...run, tests: card.run.tests, coverage: card.run.coverage });
  if (before !== run.status) {
    say(`${run.pipeline.name}: ${word(run.status)}`);
    log.nudge(run.id);
  }
  sum();
  title();
}

// act does something to a run once, however often it has to be asked for: with one key.
async function act(card, what) {
  const key = uuid();
  const [operation, field] = what === "all" ? [operations.rerun, "rerunPipelineRun"] : [operations.rerunFailed, "rerunFailedJobs"];
  for (;;) {
    try {
      const got = await ask(operation, { id: card.run.id, key });
      const payload = got.data[field];
      if (!payload) throw new GraphError(got.errors?.[0]?.message ?? "no reason was given", got.errors?.[0]?.extensions?.code ?? "");
      if (payload.userErrors.length) return { failed: payload.userErrors.map((e) => e.message).join(" ") };
      setTimeout(look, 500);
      setTimeout(look, 4000); // systems take a moment until they tell of it
      return { done: "It was asked to run again." };
    } catch (error) {
      if (error.code !== "UNAUTHENTICATED") return { failed: error.message };
      const wrong = token.value !== "";
      const given = await askForToken(wrong ? `The token is not known, or does not allow this. ${error.message}` : error.message);
      if (!given) return { failed: "Nothing was done, as it takes a token." };
    }
  }
}

// uuid is crypto.randomUUID, which is not there for pages that come without TLS.
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

// whoAsks is shown where the graph answers nobody without a token.
function whoAsks(why) {
  const give = button("Give a token", "main", async () => (await askForToken(why)) && look());
  $("main").replaceChildren(element("div", "note", element("h1", "", "Callboard wants to know who asks"), element("p", "", why), give));
}

function askForToken(why) {
  const dialog = $("ask");
  $("ask-why").textContent = why;
  $("ask-token").value = "";
  dialog.returnValue = "cancel";
  dialog.showModal();
  $("ask-token").focus();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const text = $("ask-token").value.trim();
        $("ask-token").value = "";
        const given = dialog.returnValue === "ok" && /^[\x21-\x7e]+$/.test(text);
        if (given) token.value = text;
        $("forget").hidden = token.value === "";
        resolve(given);
      },
      { once: true },
    );
  });
}

function openLog(card, job) {
  log.open(card.run, job);
}

// --- start

$("forget").hidden = token.value === "";
$("forget").addEventListener("click", () => {
  token.value = "";
  $("forget").hidden = true;
  say("The token is forgotten.");
});
// Enter means the button that goes on, and not the first one.
$("ask-token").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  $("ask-ok").click();
});
document.addEventListener("visibilitychange", () => {
  log.visible(!document.hidden);
  if (document.hidden) {
    clearTimeout(timer);
    followAll();
  } else {
    look();
  }
});
setInterval(tickAll, 1000);

if (name) look();
else {
  $("main").replaceChildren(
    single
      ? note("", "Which run?", "This page shows one run of a pipeline: add ?id= and its id to the address, as the graph has it.")
      : note("", "Which pull request?", "This page shows one pull request: add ?url= and the address of its page to the address."),
  );
}
