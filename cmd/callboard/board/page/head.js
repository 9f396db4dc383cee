// What the page is of: the pull request, or the run.
import { element, link, numberOf, render, stale, webAddress, when } from "./show.js";

const states = new Map([
  ["OPEN", ["open", "good"]],
  ["MERGED", ["merged", "done"]],
  ["CLOSED", ["closed", "bad"]],
]);

const decisions = new Map([
  ["APPROVED", ["approved", "good"]],
  ["CHANGES_REQUESTED", ["changes are wanted", "bad"]],
  ["REVIEW_REQUIRED", ["a review is wanted", "warn"]],
]);

const checks = new Map([
  ["SUCCESS", ["all passed", "good"]],
  ["FAILURE", ["one failed", "bad"]],
  ["PENDING", ["not all are through", "busy"]],
]);

export function head(node, of, single) {
  // How long ago something was is written anew with each minute.
  render(node, [of.id, single ? [of.title, of.branch, of.commitOid, of.actor] : { ...of, pipelineRuns: 0, coverageChange: 0, fetchedAt: of.freshness === "STALE" && of.fetchedAt }, Math.floor(Date.now() / 60000)], () =>
    single ? runHead(of) : pullHead(of),
  );
}

function pullHead(p) {
  const [word, colour] = p.isDraft && p.state === "OPEN" ? ["draft", ""] : (states.get(p.state) ?? [p.state, ""]);
  const repository = p.repository?.nameWithOwner ?? "";
  const moved = p.mergedAt ? ["merged ", when(p.mergedAt)] : p.closedAt ? ["closed ", when(p.closedAt)] : ["opened ", when(p.createdAt)];
  return [
    element("p", "crumb", repository && link(p.repository?.url, repository), repository && " ", link(p.url, numberOf(p)), stale(p)),
    element("h1", "", p.title),
    element(
      "p",
      "by",
      element("span", `pill ${colour}`, word),
      " ",
      person(p.author),
      " wants ",
      branch(p.headRefName),
      " in ",
      branch(p.baseRefName),
      ", ",
      ...moved,
    ),
    facts([
      ["Review", decisions.get(p.reviewDecision) ?? (p.state === "OPEN" ? ["none is wanted", ""] : null)],
      ["Checks", checks.get(p.checks) ?? ["there are none", ""]],
      ["Merging", p.state !== "OPEN" ? null : p.mergeable === "CONFLICTING" ? ["there are conflicts", "bad"] : p.mergeable === "MERGEABLE" ? ["no conflicts", "good"] : null],
      ["Changes", typeof p.additions === "number" && typeof p.deletions === "number" ? [`+${p.additions} −${p.deletions}${p.changedFileCount ? ` in ${p.changedFileCount} ${p.changedFileCount === 1 ? "file" : "files"}` : ""}`, ""] : null],
      ["Commit", p.headRefOid ? [element("code", "", p.headRefOid.slice(0, 9)), ""] : null],
    ]),
  ];
}

function runHead(r) {
  return [
    element("p", "crumb", link(r.pipeline.url, r.pipeline.name), r.number ? ` ${r.number}` : "", stale(r)),
    element("h1", "", r.title || r.pipeline.name),
    facts([
      ["Branch", r.branch ? [branch(r.branch), ""] : null],
      ["Commit", r.commitOid ? [element("code", "", r.commitOid.slice(0, 9)), ""] : null],
      ["Started by", r.actor ? [r.actor.name || r.actor.login, ""] : null],
      ["Asked for", r.createdAt ? [when(r.createdAt), ""] : null],
    ]),
  ];
}

const branch = (name) => element("code", "branch", name);

function person(who) {
  if (!who) return element("span", "", "somebody who is gone");
  const picture = element("img", "avatar");
  picture.alt = "";
  picture.width = picture.height = 20;
  picture.loading = "lazy";
  picture.referrerPolicy = "no-referrer";
  const address = webAddress(who.avatarUrl);
  if (address?.startsWith("https:")) picture.src = address;
  picture.addEventListener("error", () => picture.remove());
  const name = link(who.url, element("strong", "", who.name || who.login));
  return element("span", "person", picture.src ? picture : null, name);
}

function facts(list) {
  return element(
    "dl",
    "facts",
    list.filter(([, value]) => value).map(([name, [value, colour]]) => element("div", "", element("dt", "", name), element("dd", colour, value))),
  );
}
