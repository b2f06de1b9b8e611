import { hubModels } from "../../model/hub.ts";
import { invalid } from "../../model/error.ts";

/** Where a file is, and the name it gets. */
export interface PullSource {
  url: URL;
  file: string;
}

const safeFile = /^[\w][\w.+-]{0,200}\.gguf$/i;

/**
 * The address of a model: a name of the list, `owner/repository/file.gguf` on the hub, or a URL. A link to a
 * hub's page of a file (`/blob/`) means the file. Throws `invalid` for anything else.
 */
export function pullSource(model: string, hubUrl: string): PullSource {
  const base = hubUrl.replace(/\/+$/, "");
  const row = hubModels.find(({ name }) => name === model.toLowerCase());
  if (row !== undefined) return source(new URL(`${base}/${row.repository}/resolve/main/${row.file}`));
  if (/^https?:\/\//i.test(model)) return source(addressOf(model));
  const parts = /^(\w[\w.-]*\/\w[\w.-]*)\/(.+\.gguf)$/i.exec(model);
  if (parts !== null) return source(new URL(`${base}/${parts[1]}/resolve/main/${parts[2]}`));
  const names = hubModels.map(({ name }) => name).join(", ");
  throw invalid(
    "model",
    `found ${JSON.stringify(model.slice(0, 200))}; known are ${names}; or give owner/repository/file.gguf, or a URL of a .gguf file`,
  );
}

function addressOf(text: string): URL {
  if (!URL.canParse(text)) throw invalid("model", `${JSON.stringify(text.slice(0, 200))} is no URL`);
  const url = new URL(text);
  url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, "$1/resolve/");
  url.hash = "";
  return url;
}

function source(url: URL): PullSource {
  const file = url.pathname.split("/").at(-1) ?? "";
  if (!safeFile.test(file)) {
    throw invalid("model", `the URL must end in the name of a .gguf file, found ${JSON.stringify(file.slice(0, 200))}`);
  }
  return { url, file };
}
