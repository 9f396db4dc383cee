// The full playground: GraphiQL over this graph, opened with the examples as tabs.
import "./workers.js";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import "graphiql/style.css";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { fetchExamples, fetchGraph } from "./fetcher.js";
import { storage } from "./storage.js";
import "./style.css";

const welcome = `# Ask the graph: Ctrl+Space completes, Ctrl+Enter runs.
{
  __typename
}
`;

// A tab is named after its operation.
const tab = (example) => ({
  query: `${example.query.trimEnd()}\n`,
  variables: example.variables ? JSON.stringify(example.variables, null, 2) : "",
});

const logo = createElement(
  "span",
  { className: "callboard-logo" },
  createElement("img", { src: "./playground/logo.svg", alt: "", width: 24, height: 24 }),
  "Callboard",
);

const examples = await fetchExamples();

createRoot(document.getElementById("root")).render(
  createElement(
    GraphiQL,
    {
      fetcher: fetchGraph,
      storage,
      plugins: [HISTORY_PLUGIN],
      defaultQuery: welcome,
      defaultTabs: examples.length ? examples.map(tab) : undefined,
      defaultEditorToolsVisibility: examples.some((e) => e.variables) ? "variables" : undefined,
      shouldPersistHeaders: false, // they may hold a token
      schemaDescription: true,
      inputValueDeprecation: false,
    },
    createElement(GraphiQL.Logo, null, logo),
  ),
);
