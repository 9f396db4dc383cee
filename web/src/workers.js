// The language services of the editors, each in a worker of its own that is served from where the page is.
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker.js?worker";
import JSONWorker from "monaco-editor/esm/vs/language/json/json.worker.js?worker";
import GraphQLWorker from "monaco-graphql/esm/graphql.worker.js?worker";

globalThis.MonacoEnvironment = {
  getWorker(_, label) {
    switch (label) {
      case "graphql":
        return new GraphQLWorker();
      case "json":
        return new JSONWorker();
      default:
        return new EditorWorker();
    }
  },
};
