// A run of a pipeline: how far it is, its stages and jobs, its tests, and the buttons that run it again. The card stays the same element while the run goes on.
import { button, counting, element, icon, isDone, isRed, link, many, percent, points, problems, render, seconds, spell, stale, tone, when, word } from "./show.js";

const providers = new Map([
  ["GITHUB_ACTIONS", "GitHub Actions"],
  ["GITLAB_CI", "GitLab CI"],
  ["JENKINS", "Jenkins"],
]);

// Card shows one run. on has act(card, "all" | "failed") and openLog(card, job).
export class Card {
  #slots = {};
  #on;
  #message = null;
  #acting = false;
  #connection = "";
  #opened = null; // whether its jobs are shown: what somebody has said, else what was so before
  #chosen = false;

  constructor(run, errors, on) {
    this.#on = on;
    this.event = null;
    this.run = run;
    this.errors = errors;
    this.node = element("article", "run");
    for (const slot of ["first", "bar", "message", "errors", "stages", "results"]) this.node.append((this.#slots[slot] = element("div", slot)));
    this.#slots.message.setAttribute("role", "status");
    this.#show();
  }

  // update shows the run as it is now. What was known before and is newer stays: an answer that was remembered may be older than the stream.
  update(run, errors = this.errors) {
    const older = new Date(run.fetchedAt) < new Date(this.run.fetchedAt);
    this.run = older ? { ...this.run, tests: run.tests, coverage: run.coverage } : run;
    this.errors = errors;
    this.#show();
  }

  connection(how, tries, why = "") {
    this.#connection = how === "cut" && tries > 1 ? why || "The connection is cut. It is tried again." : "";
    this.#show();
  }

  #show() {
    const r = this.run;
    this.node.className = `run ${tone(r.status)}`;
    this.node.setAttribute("aria-label", `${r.pipeline.name}: ${word(r.status)}`);
    const s = this.#slots;
    render(s.first, [r.pipeline, r.number, r.attempt, r.status, r.providerStatus, r.url, r.startedAt, r.finishedAt, isDone(r.status) && r.duration, r.actor, r.actions, r.freshness, Math.floor(Date.now() / 60000)], () => this.#first(r));
    render(s.bar, [r.status, r.startedAt, r.duration, r.estimate, r.attempt, r.queueTime], () => bar(r));
    render(s.message, [this.#message, this.#connection], () => this.#said());
    render(s.errors, this.errors, () => problems(this.errors, r.pipeline.name));
    render(s.stages, [r.stages, r.status], () => this.#stages(r));
    render(s.results, [r.tests, r.coverage, before(r)], () => results(r));
  }

  #first(r) {
    const act = (what) => async (node) => {
      if (this.#acting) return;
      this.#acting = true;
      node.setAttribute("aria-disabled", "true"); // which keeps the focus
      this.#message = { text: "Asking…" };
      this.#show();
      const { done, failed } = await this.#on.act(this, what);
      this.#message = failed ? { text: failed, bad: true } : { text: done };
      this.#acting = false;
      node.removeAttribute("aria-disabled");
      this.#show();
      if (done) setTimeout(() => ((this.#message = null), this.#show()), 15_000);
    };
    const actions = element(
      "div",
      "actions",
      r.actions?.canRerunFailed && isDone(r.status) && button("Run failed again", "main", act("failed"), "failed"),
      r.actions?.canRerun && isDone(r.status) && button("Run again", "", act("all"), "all"),
    );
    return [
      icon(r.status),
      element(
        "div",
        "name",
        element("h3", "", link(r.url, r.pipeline.name), r.number ? element("span", "number", ` ${r.number}`) : null),
        element("p", "meta", element("strong", tone(r.status), word(r.status)), ...facts(r).flatMap((f) => [" · ", f]), stale(r)),
      ),
      actions,
    ];
  }

  #said() {
    return [
      this.#message && element("p", `note ${this.#message.bad ? "bad" : ""}`, this.#message.text),
      this.#connection && element("p", "note warn", this.#connection),
    ];
  }

  #stages(r) {
    const stages = r.stages ?? [];
    if (!stages.length) return null;
    const jobs = stages.flatMap((s) => s.jobs);
    const flat = stages.every((s) => s.jobs.length <= 1);
    const list = flat
      ? element("ul", "jobs", jobs.map((j) => this.#job(j)))
      : stages.map((s) => element("div", "stage", element("h4", "", icon(s.status), s.name, element("span", "unseen", ` ${word(s.status)}`)), element("ul", "jobs", s.jobs.map((j) => this.#job(j)))));
    const box = element("details", "", element("summary", "", strip(jobs), element("span", "", many(jobs.length, "job", "jobs"), ended(jobs))), element("div", flat ? "" : "columns", list));
    box.firstChild.dataset.key = "stages";
    if (!this.#chosen) this.#opened ||= this.#on.alone || isRed(r.status) || r.status === "RUNNING";
    box.open = this.#opened;
    box.firstChild.addEventListener("click", () => ([this.#opened, this.#chosen] = [!box.open, true]));
    return box;
  }

  #job(j) {
    const took = seconds(j.duration);
    return element(
      "li",
      tone(j.status),
      icon(j.status),
      element("span", "title", link(j.url, j.name), j.failure && isRed(j.status) ? element("span", "why", j.failure) : null, j.isAllowedToFail && isRed(j.status) ? element("span", "why", "it may fail") : null),
      element("span", "unseen", word(j.status)),
      element("span", "time", took === null ? "" : j.status === "RUNNING" ? counting(took, 1) : spell(took)),
      j.status === "QUEUED" ? null : button("Log", "quiet", () => this.#on.openLog(this, j), `log ${j.id}`),
    );
  }
}

function facts(r) {
  const out = [];
  const took = seconds(r.duration);
  if (isDone(r.status) && took !== null) out.push(`took ${spell(took)}`);
  if (isDone(r.status) && r.finishedAt) out.push(when(r.finishedAt));
  if (r.attempt > 1) out.push(`attempt ${r.attempt}`);
  out.push(providers.get(r.pipeline.provider) ?? r.source);
  return out;
}

function ended(jobs) {
  const red = jobs.filter((j) => isRed(j.status)).length;
  const done = jobs.filter((j) => isDone(j.status)).length;
  if (red) return `, ${red} failed`;
  return done < jobs.length ? `, ${done} done` : "";
}

// strip is one small square for each job, to be seen at a glance.
function strip(jobs) {
  const node = element("span", "strip", jobs.slice(0, 60).map((j) => element("span", tone(j.status))));
  node.setAttribute("aria-hidden", "true");
  return node;
}

// bar is how far a run is: of the time that it is thought to take.
function bar(r) {
  if (isDone(r.status)) return null;
  if (r.status !== "RUNNING") return element("p", "meta", r.createdAt ? ["asked for ", when(r.createdAt)] : word(r.status));
  const ran = seconds(r.duration) ?? (r.startedAt ? (Date.now() - new Date(r.startedAt)) / 1000 : 0);
  const all = seconds(r.estimate?.duration);
  const node = element("progress", "");
  node.setAttribute("aria-label", `${r.pipeline.name}, how far it is`);
  const text = element("p", "meta", "for ", counting(ran, 1));
  if (all) {
    node.max = all;
    // It is never full before it is done: nobody knows.
    const fill = counting(ran, 1, (s) => ((node.value = Math.min(s, all * 0.97)), ""));
    const left = seconds(r.estimate.remaining) ?? all - ran;
    const why = r.estimate.method === "PROVIDER" ? "as its system thinks" : `as the last ${r.estimate.runs ?? ""} runs took`;
    const rest = counting(left, -1, (s) => (s > 0 ? `about ${spell(s > 90 ? Math.round(s / 30) * 30 : s)} left` : `longer than the usual ${spell(all)}`));
    rest.title = why;
    text.append(" · ", rest, fill);
  }
  return [node, text];
}

// before tells whether what is known of the results is of an earlier attempt.
const before = (r) => r.attempt > 1 && !isDone(r.status);

function results(r) {
  const out = before(r) && (r.tests || r.coverage) ? [element("p", "hint", "As of the attempt before:")] : [];
  const t = r.tests;
  if (t) {
    const fresh = t.newlyFailing;
    const numbers = element("p", "line", element("strong", "", "Tests "), `${many(t.passed, "passed", "passed")}`, t.failed ? [", ", element("strong", "bad", `${t.failed} failed`)] : "", t.failed && fresh ? ` (${fresh.length || "none"} newly)` : "", t.skipped ? `, ${t.skipped} skipped` : "");
    out.push(numbers);
    if (fresh?.length) out.push(tests("Newly failing", fresh, true));
    const known = new Set((fresh ?? []).map(nameOf));
    const others = (t.failing ?? []).filter((c) => !known.has(nameOf(c)));
    if (others.length) out.push(tests(fresh ? "Failed before, too" : "Failed", others, !fresh));
  }
  const c = r.coverage;
  if (c && typeof c.lines === "number") {
    const change = c.change?.againstMergeBase;
    out.push(
      element("p", "line", element("strong", "", "Coverage "), percent(c.lines), " of the lines", typeof change === "number" ? [", ", element("strong", change < -0.005 ? "bad" : change > 0.005 ? "good" : "", points(change)), " points"] : "", c.origin === "PROVIDER" ? ", as its system says" : ""),
    );
  }
  return out;
}

const nameOf = (c) => JSON.stringify([c.suite, c.className, c.name]);

function tests(title, list, open) {
  const box = element(
    "details",
    "tests",
    element("summary", "", `${title}: ${list.length}`),
    element(
      "ul",
      "",
      list.map((c) => element("li", "", element("span", "case", c.className ? element("span", "class", `${c.className} `) : null, c.name), c.file ? element("code", "file", c.line ? `${c.file}:${c.line}` : c.file) : null, c.message ? element("pre", "", c.message.slice(0, 2000)) : null)),
    ),
  );
  box.open = open;
  return box;
}

