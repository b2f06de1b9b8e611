import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIP, type AddressInfo, type LookupFunction } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Downloader, type DownloaderOptions } from "../../src/media/fetch.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let port = 0;
let handler: Handler;
let visits: string[] = [];
let closed = 0;
const open: Downloader[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    visits.push(`${request.headers.host} ${request.url}`);
    response.on("close", () => (closed += 1));
    handler(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "0.0.0.0", resolve);
  });
  ({ port } = server.address() as AddressInfo);
});
beforeEach(() => {
  visits = [];
  closed = 0;
  handler = (_request, response) => response.end("picture");
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  server.closeAllConnections();
});
afterAll(async () => {
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

/** A name server that gives each name its lists of addresses in turn. */
function names(table: Record<string, string[][]>): LookupFunction {
  return (host, _options, callback) => {
    const answers = table[host];
    const found = (answers !== undefined && answers.length > 1 ? answers.shift() : answers?.[0]) ?? [];
    if (found.length === 0) callback(Object.assign(new Error("unknown"), { code: "ENOTFOUND" }), "");
    else callback(null, found.map((address) => ({ address, family: isIP(address) })) as never, 4);
  };
}

function downloader(options: Partial<DownloaderOptions> = {}): Downloader {
  const made = new Downloader({ allow: [], timeoutMs: 2_000, redirects: 3, lookup: names({}), ...options });
  open.push(made);
  return made;
}

const context = { limit: 100, param: "part", signal: new AbortController().signal };
const get = async (url: string, options: Partial<DownloaderOptions> = {}, more = {}): Promise<string> =>
  Buffer.from(await downloader(options).get(url, { ...context, ...more })).toString();
const here = { allow: ["127.0.0.1"] };
const at = (path = "/"): string => `http://127.0.0.1:${port}${path}`;
const refused = {
  kind: "invalid",
  param: "part",
  message: "part: could not be downloaded: its address is not a public one",
};

describe("addresses that are not public", () => {
  it.each([
    ...["127.0.0.1", "127.1", "127.0.1", "0177.0.0.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001"],
    ...["127.0.0.1.", "127。0。0。1", "①②⑦.0.0.1", "%31%32%37.0.0.1", "0", "0.0.0.0", "127.0.0.2"],
    ...["[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"],
    ...["[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[fe80::1]", "[fd00:ec2::254]", "169.254.169.254", "0xa9fea9fe"],
    ...["10.0.0.1", "172.16.0.1", "192.168.0.1", "100.100.100.200", "168.63.129.16", "224.0.0.1", "255.255.255.255"],
  ])("are refused as %s", async (host) => {
    await expect(get(`http://${host}:${port}/`)).rejects.toMatchObject(refused);
    expect(visits).toEqual([]);
  });

  it("are refused behind a name, the system's own names included", async () => {
    const lookup = names({ "inside.test": [["10.0.0.1", "127.0.0.1", "::1", "::ffff:127.0.0.1"]] });
    await expect(get(`http://inside.test:${port}/`, { lookup })).rejects.toMatchObject(refused);
    const own = new Downloader({ allow: [], timeoutMs: 2_000, redirects: 3 });
    open.push(own);
    await expect(own.get(`http://localhost:${port}/`, context)).rejects.toMatchObject(refused);
    expect(visits).toEqual([]);
  });

  it("are left out where a name has better ones besides", async () => {
    const lookup = names({ "mixed.test": [["10.0.0.1", "127.0.0.3", "127.0.0.1"]] });
    expect(await get(`http://mixed.test:${port}/`, { ...here, lookup })).toBe("picture");
    expect(visits).toEqual([`mixed.test:${port} /`]);
  });

  it("are refused when a name changes its mind between two connections", async () => {
    const lookup = names({ "turncoat.test": [["127.0.0.1"], ["127.0.0.2"]] });
    handler = (_request, response) => response.writeHead(302, { location: "/again", connection: "close" }).end();
    await expect(get(`http://turncoat.test:${port}/`, { ...here, lookup })).rejects.toMatchObject(refused);
    expect(visits).toEqual([`turncoat.test:${port} /`]);
  });

  it("are refused when the connection leads elsewhere than the name server said", async () => {
    let reads = 0;
    // public when it is looked at, loopback when it is connected to
    const address = {
      family: 4,
      get address() {
        reads += 1;
        return reads === 1 ? "8.8.8.8" : "127.0.0.2";
      },
    };
    const lookup: LookupFunction = (_host, _options, callback) => callback(null, [address] as never, 4);
    await expect(get(`http://turncoat.test:${port}/`, { lookup })).rejects.toMatchObject(refused);
    expect(reads).toBeGreaterThan(1);
    expect(visits).toEqual([]);
  });

  it.each(["http://127.0.0.2:PORT/", "http://[::1]:PORT/", "//127.0.0.2:PORT/", "http://2130706434:PORT/"])(
    "are refused as the goal of a redirect: %s",
    async (goal) => {
      handler = (_request, response) => response.writeHead(307, { location: goal.replace("PORT", String(port)) }).end();
      await expect(get(at(), here)).rejects.toMatchObject(refused);
      expect(visits).toHaveLength(1);
    },
  );

  it("are asked when the operator allows the address, the network or the host", async () => {
    const lookup = names({ "media.inside.test": [["127.0.0.1"]] });
    const url = `http://media.inside.test:${port}/`;
    for (const allow of [["127.0.0.1"], ["127.0.0.0/8"], ["media.inside.test"], ["*.inside.test"]]) {
      expect(await get(url, { allow, lookup })).toBe("picture");
    }
    await expect(get(url, { allow: ["other.test", "10.0.0.0/8"], lookup })).rejects.toMatchObject(refused);
  });
});

describe("redirects", () => {
  const chain =
    (length: number): Handler =>
    (request, response) => {
      const step = Number(request.url?.slice(1));
      if (step >= length) response.end("picture");
      else response.writeHead(302, { location: `/${step + 1}` }).end("ignored");
    };

  it("are followed up to the limit", async () => {
    handler = chain(3);
    expect(await get(at("/0"), here)).toBe("picture");
    handler = chain(4);
    await expect(get(at("/0"), here)).rejects.toThrow("part: could not be downloaded: more than 3 redirects");
    await expect(get(at("/0"), { ...here, redirects: 0 })).rejects.toThrow("more than 0 redirects");
  });

  it.each(["file:///etc/passwd", "ftp://example.test/", "data:image/png;base64,AAAA", "gopher://127.0.0.1/"])(
    "to %s are refused",
    async (goal) => {
      handler = (_request, response) => response.writeHead(302, { location: goal }).end();
      await expect(get(at(), here)).rejects.toThrow("part: must lead to an http or https URL");
    },
  );

  it("to nowhere, or with a password, are refused", async () => {
    handler = (_request, response) => response.writeHead(302).end();
    await expect(get(at(), here)).rejects.toThrow("the server answered 302");
    handler = (_request, response) => response.writeHead(302, { location: "http://a:b@127.0.0.1/" }).end();
    await expect(get(at(), here)).rejects.toThrow("must not hold a user name or a password");
    handler = (_request, response) => response.writeHead(302, { location: "http://[" }).end();
    await expect(get(at(), here)).rejects.toThrow("part: is not a URL");
  });
});

describe("what is not a download", () => {
  it.each([
    ["http://user@127.0.0.1/", "must not hold a user name"],
    ["http://127.0.0.1:80@example.test/", "must not hold a user name"],
    ["ftp://example.test/a.png", "must lead to an http or https URL"],
    ["http://unknown.test/a.png", "could not be downloaded: its host has no address"],
    ["http://", "is not a URL"],
  ])("is named: %s", async (url, message) => {
    await expect(get(url)).rejects.toThrow(message);
  });

  it("is an error status, an empty answer, a closed port", async () => {
    for (const status of [400, 401, 404, 500, 503]) {
      handler = (_request, response) => response.writeHead(status).end("no");
      await expect(get(at(), here)).rejects.toThrow(`part: could not be downloaded: the server answered ${status}`);
    }
    handler = (_request, response) => response.end();
    await expect(get(at(), here)).rejects.toThrow("the answer is empty");
    handler = (request) => request.socket.destroy();
    await expect(get(at(), here)).rejects.toThrow("part: could not be downloaded: the connection failed");
    await expect(get("http://127.0.0.1:1/", here)).rejects.toThrow("could not be downloaded: the connection failed");
  });
});

describe("size", () => {
  it("is counted exactly", async () => {
    handler = (_request, response) => response.end("x".repeat(100));
    expect(await get(at(), here)).toHaveLength(100);
    await expect(get(at(), here, { limit: 99 })).rejects.toThrow("media exceeds size limit: max 99 bytes");
  });

  it("is counted where it is not announced", async () => {
    handler = (_request, response) => {
      response.write("x".repeat(60));
      response.end("x".repeat(40));
    };
    expect(await get(at(), here)).toHaveLength(100);
    await expect(get(at(), here, { limit: 99 })).rejects.toThrow("media exceeds size limit: max 99 bytes");
  });

  it("is refused by its announcement, without reading", async () => {
    handler = (_request, response) => {
      response.writeHead(200, { "content-length": "99999999" });
      response.write("x");
    };
    await expect(get(at(), here)).rejects.toThrow("media exceeds size limit: max 100 bytes");
    await expect.poll(() => closed).toBe(1);
  });

  it("is refused in an endless stream, which is then closed", async () => {
    handler = (_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write("x".repeat(50)));
        if (!response.destroyed) response.once("drain", write);
      };
      write();
    };
    await expect(get(at(), here)).rejects.toThrow("media exceeds size limit: max 100 bytes");
    await expect.poll(() => closed).toBe(1);
  });
});

describe("time", () => {
  const drip: Handler = (_request, response) => {
    const timer = setInterval(() => response.write("x"), 20);
    response.on("close", () => clearInterval(timer));
  };
  const slow: [string, Handler][] = [
    ["never answers", () => undefined],
    ["drips its body", drip],
    [
      "drips its headers",
      (_request, response) => {
        const timer = setInterval(() => response.socket?.write("X-Y: z\r\n"), 20);
        response.socket?.write("HTTP/1.1 200 OK\r\n");
        response.on("close", () => clearInterval(timer));
      },
    ],
    [
      "redirects slowly",
      (_request, response) => void setTimeout(() => response.writeHead(302, { location: "/" }).end(), 150),
    ],
  ];

  it.each(slow)("runs out on a server that %s", async (_name, handle) => {
    handler = handle;
    const start = performance.now();
    await expect(get(at(), { ...here, timeoutMs: 300 })).rejects.toThrow("part: could not be downloaded");
    expect(performance.now() - start).toBeLessThan(1_500);
  });

  it("ends with the caller", async () => {
    handler = drip;
    const abort = new AbortController();
    const pending = get(at(), here, { signal: abort.signal });
    await expect.poll(() => visits).toHaveLength(1);
    abort.abort();
    await expect(pending).rejects.toMatchObject({ name: "AbortError" });
    await expect.poll(() => closed).toBe(1);
  });
});
