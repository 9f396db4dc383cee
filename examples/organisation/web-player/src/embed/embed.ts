/** Reads what to play from the address of the embedded page: /embed/track/t1?theme=dark. */
export interface Embed {
  kind: "track" | "release" | "mix";
  id: string;
  theme: "light" | "dark";
}

export function parseEmbed(address: string): Embed | undefined {
  const url = new URL(address, "https://listen.larkfold.example");
  const match = /^\/embed\/(track|release|mix)\/([\w-]{1,64})$/.exec(url.pathname);
  if (!match) {
    return undefined;
  }
  return { kind: match[1] as Embed["kind"], id: match[2]!, theme: url.searchParams.get("theme") === "dark" ? "dark" : "light" };
}
