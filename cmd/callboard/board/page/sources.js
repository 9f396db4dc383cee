// Where the answer comes from: extensions.sources.
import { clock, element, render, seconds, spell } from "./show.js";

const codes = new Map([
  ["UNAVAILABLE", "it cannot be reached"],
  ["TIMEOUT", "it did not answer in time"],
  ["RATE_LIMITED", "its rate limit is used up"],
  ["FORBIDDEN", "Callboard's credentials do not allow it"],
  ["BAD_ANSWER", "its answer cannot be used"],
]);

export function sources(node, answer) {
  const list = answer.extensions?.sources ?? [];
  node.hidden = list.length === 0;
  render(node, list, () => [
    element("h2", "", "Where this comes from"),
    element(
      "ul",
      "",
      list.map((s) => {
        const counts = [
          [s.live, "said just now"],
          [s.cached, "remembered"],
          [s.stale, "older than they may get"],
          [s.failed, "not known"],
        ];
        const parts = counts.filter(([n]) => n > 0).map(([n, text]) => `${n} ${text}`);
        const oldest = seconds(s.oldest);
        const errors = (s.errors ?? []).map((e) => (codes.get(e.code) ?? e.code) + (e.retryAt ? `, to be tried again at ${clock(e.retryAt)}` : ""));
        return element(
          "li",
          s.failed ? "bad" : s.stale ? "warn" : "good",
          element("strong", "", s.name),
          ` ${parts.join(", ") || "was not asked"}`,
          oldest > 0 ? `, the oldest ${spell(oldest)} ago` : "",
          errors.length ? element("span", "why", [...new Set(errors)].join("; ")) : null,
        );
      }),
    ),
  ]);
}
