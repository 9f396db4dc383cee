// What a job writes, as it comes. Lines are text, and only the last of them are kept.
import { follow } from "./graph.js";
import * as operations from "./operations.js";
import { button, element, link } from "./show.js";

const maxLines = 5000;

export class LogPane {
  #stop = null;
  #run = null;
  #job = null;
  #next = null; // the end of what is shown
  #complete = false;
  #cut = false; // lines are left out before the first
  #before = null; // what had the focus

  constructor() {
    this.node = element("section", "part log");
    this.node.hidden = true;
    this.lines = element("pre", "");
    this.lines.tabIndex = 0;
    this.lines.setAttribute("role", "log");
    this.lines.setAttribute("aria-live", "off"); // it would be read without an end
    this.status = element("span", "meta");
    this.title = element("h2", "");
    this.cut = element("p", "hint", "Earlier lines are left out.");
    this.end = button("To the end", "quiet", () => this.#toEnd());
    this.node.append(element("div", "bar", this.title, this.status, this.end, button("Close", "quiet", () => this.close())), this.cut, this.lines);
    this.lines.addEventListener("scroll", () => this.#mark());
    this.node.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  open(run, job) {
    this.#stop?.();
    this.#before = document.activeElement;
    [this.#run, this.#job, this.#next, this.#complete, this.#cut] = [run, job, null, false, false];
    this.title.replaceChildren("Log of ", link(job.url, job.name));
    this.lines.setAttribute("aria-label", `Log of ${job.name}`);
    this.lines.replaceChildren();
    this.cut.hidden = true;
    this.node.hidden = false;
    this.#follow();
    this.node.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    this.lines.focus({ preventScroll: true });
  }

  close() {
    this.#stop?.();
    this.#stop = null;
    this.#job = null;
    this.node.hidden = true;
    this.lines.replaceChildren();
    if (this.#before?.isConnected) this.#before.focus();
  }

  // visible ends the stream while nobody looks, and goes on where it was.
  visible(yes) {
    if (!this.#job || this.#complete) return;
    this.#stop?.();
    this.#stop = null;
    if (yes) this.#follow();
  }

  // nudge goes on with a log that has none yet when its run has changed.
  nudge(id) {
    if (this.#job && this.#run.id === id && !this.#stop && !this.#complete && !document.hidden) this.#follow();
  }

  #follow() {
    this.status.textContent = "asking…";
    this.#stop = follow(operations.followLog, () => ({ run: this.#run.id, job: this.#job.id, after: this.#next }), {
      next: (data, errors) => {
        const part = data.pipelineLog;
        if (part) this.#add(part);
        else if (errors.length) this.status.textContent = errors[0].message;
      },
      state: (how) => {
        if (how === "done") {
          this.#stop = null;
          this.status.textContent = this.#complete ? "complete" : this.#next ? "ended" : "nothing yet";
        } else this.status.textContent = how === "live" ? "as it is written" : "the connection is cut; it is tried again";
      },
      failed: (error) => {
        this.#stop = null;
        this.status.textContent = error.message;
      },
    });
  }

  #add(part) {
    const atEnd = this.#atEnd();
    this.#cut ||= part.isCutBefore;
    this.#next = part.next;
    this.#complete = part.isComplete;
    const out = document.createDocumentFragment();
    for (const entry of part.entries.slice(-maxLines)) {
      const line = element("span", entry.level === "error" ? "bad" : entry.level === "warning" ? "warn" : "", entry.text + "\n");
      if (entry.at) line.title = entry.at;
      out.append(line);
    }
    this.lines.append(out);
    while (this.lines.childElementCount > maxLines) {
      this.lines.firstChild.remove();
      this.#cut = true;
    }
    this.cut.hidden = !this.#cut;
    if (atEnd) this.#toEnd();
    this.#mark();
  }

  #atEnd() {
    return this.lines.scrollHeight - this.lines.scrollTop - this.lines.clientHeight < 30;
  }

  #toEnd() {
    this.lines.scrollTop = this.lines.scrollHeight;
  }

  #mark() {
    this.end.hidden = this.#atEnd();
  }
}
