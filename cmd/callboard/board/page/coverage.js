// What the pull request does to the coverage.
import { element, many, percent, points, problems, render } from "./show.js";

const verdicts = new Map([
  ["NEW", "new"],
  ["GONE", "removed"],
  ["NO_LINES", "no code"],
  ["NO_HUNKS", "compared as a whole"],
  ["BAD_HUNKS", "compared as a whole"],
]);

// coverage shows a change, null where there is none.
export function coverage(node, change, errors, building) {
  render(node, [change, errors, building], () => {
    const out = [element("h2", "", "Coverage"), ...problems(errors, "The coverage")];
    if (!change) {
      if (!errors.length) out.push(element("p", "note", building ? "There is no report of the newest commit yet." : "There is no report of the newest commit, or none to compare it with."));
      return out;
    }
    return [...out, figures(change), table("Files that are changed", change.files, true), table("Elsewhere", change.elsewhere, false)];
  });
}

function figures(c) {
  const known = typeof c.againstMergeBase === "number";
  const colour = !known ? "" : c.againstMergeBase < -0.005 ? "bad" : c.againstMergeBase > 0.005 ? "good" : "";
  const big = element("p", "figure", element("span", `big ${colour}`, known ? `${points(c.againstMergeBase)} points` : "not comparable"));
  if (typeof c.before === "number" && typeof c.after === "number") big.append(element("span", "of", `from ${percent(c.before)} to ${percent(c.after)} of the lines`));
  const out = [big];
  if (c.addedLines > 0) {
    const meter = element("meter", "");
    meter.max = c.addedLines;
    meter.low = c.addedLines * 0.5;
    meter.high = c.addedLines * 0.8;
    meter.optimum = c.addedLines;
    meter.value = c.addedLinesCovered;
    meter.setAttribute("aria-label", "Lines of the change that tests run");
    out.push(element("p", "added", meter, `tests run ${c.addedLinesCovered} of ${many(c.addedLines, "line", "lines")} that this writes`));
  } else out.push(element("p", "added", "this writes no lines with code"));
  const notes = [];
  if (c.base && !c.isExact) notes.push("There is no report of the commit where the branch began; it is compared with the newest before that has one, ", element("code", "", c.base.slice(0, 9)), ". ");
  if (!c.base) notes.push("There is no report from before to compare with. ");
  if (c.leftOutFlags.length) notes.push(`Left out, as only one side has them: ${c.leftOutFlags.map((f) => f || "reports without a flag").join(", ")}.`);
  if (notes.length) out.push(element("p", "hint", ...notes));
  return element("div", "figures", out);
}

const maxRanges = 12;

// ranges writes numbers of lines: 3, 7–9.
function ranges(numbers) {
  const out = [];
  for (const n of numbers) {
    const last = out.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else out.push([n, n]);
  }
  const texts = out.slice(0, maxRanges).map(([a, b]) => (a === b ? `${a}` : b === a + 1 ? `${a}, ${b}` : `${a}–${b}`));
  return texts.join(", ") + (out.length > maxRanges ? ` and ${out.length - maxRanges} more` : "");
}

function cell(label, className, ...children) {
  const node = element("td", className, ...children);
  node.dataset.label = label;
  return node;
}

function table(title, files, open) {
  if (!files.length) return null;
  const rows = files.map((f) => {
    const change = typeof f.change === "number" ? points(f.change) : (verdicts.get(f.verdict) ?? "");
    const colour = typeof f.change !== "number" ? "faint" : f.change < -0.005 ? "bad" : f.change > 0.005 ? "good" : "";
    const path = element("th", "", broken(f.path), f.previousPath ? element("span", "was", "was ", broken(f.previousPath)) : null);
    path.scope = "row";
    return element(
      "tr",
      "",
      path,
      cell("before", "n", typeof f.before === "number" ? percent(f.before) : "–"),
      cell("after", "n", typeof f.after === "number" ? percent(f.after) : "–"),
      cell("change", `n ${colour}`, change),
      cell("lines that no test runs", "lines", f.untestedLines.length ? ranges(f.untestedLines) : null, f.uncoveredLines.length ? element("span", "was", `no longer run: ${ranges(f.uncoveredLines)}`) : null),
    );
  });
  const columns = ["File", "Before", "After", "Change", "Lines that no test runs"].map((text, i) => {
    const node = element("th", i && i < 4 ? "n" : "", text);
    node.scope = "col";
    return node;
  });
  const box = element("details", "files", element("summary", "", `${title}: ${files.length}`), element("table", "", element("thead", "", element("tr", "", columns)), element("tbody", "", rows)));
  box.open = open;
  return box;
}

// broken lets a path be broken after each of its slashes.
function broken(path) {
  return path.split("/").flatMap((part, i) => (i ? ["/", document.createElement("wbr"), part] : [part]));
}
