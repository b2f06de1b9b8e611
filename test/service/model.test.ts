import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/engine/catalog.ts";
import type { Catalog } from "../../src/engine/engine.ts";
import { simEngine } from "../../src/engine/sim/engine.ts";
import { ModelService } from "../../src/service/model.ts";

const catalog = createCatalog({ engines: new Map([["sim", simEngine()]]), entries: [] });

describe("one model", () => {
  it("is found by its name in any case", () => {
    expect(new ModelService(catalog).one("minimax-m3")).toMatchObject({ id: "MiniMax-M3", object: "model" });
  });

  it("is not found under an unknown name, nor where the key may not use it", () => {
    const models = new ModelService(catalog);
    const missing = (name: string): object =>
      expect.objectContaining({ kind: "not-found", message: `unknown model '${name}'` }) as object;
    expect(() => models.one("nothing")).toThrow(missing("nothing"));
    expect(() => models.one("MiniMax-M3", ["MiniMax-M2.7"])).toThrow(missing("MiniMax-M3"));
  });

  it("is not called unknown when we make a mistake", () => {
    const broken: Catalog = {
      ...catalog,
      card: () => {
        throw new TypeError("our own mistake");
      },
    };
    expect(() => new ModelService(broken).one("MiniMax-M3")).toThrow(TypeError);
  });
});
