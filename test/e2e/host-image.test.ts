/** The image cases of the vendor's checks for hosts of M3: the simulator says what pixels reached it. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canvas, dataUrl, noise, png } from "../media/fixture.ts";
import { type Answer, ask, expectCall, expectSums, spoken, thinks } from "./host.ts";
import { parametersOf, weather } from "./host-tool.ts";
import { startServer, type Running } from "./start.ts";

let server: Running;
let files: Server;
const served = new Map<string, Buffer>();
/** Stands for the file server's address in the tables, which are made before it listens. */
const host = "http://files.test";

/** A photograph's like: many colors in soft passages. */
const photo = async (width: number, height: number): Promise<Buffer> =>
  await noise(40, 30).resize(width, height, { fit: "fill", kernel: "linear" }).jpeg({ quality: 60 }).toBuffer();
const padded = (bytes: Buffer, size: number): Buffer => Buffer.concat([bytes, Buffer.alloc(size - bytes.length)]);

const mebibyte = 1024 * 1024;
const red = await png(672, 672, "red");
const onePixel = await png(1, 1, "teal");
const beach = await photo(2000, 1334);
const tank = await photo(4284, 5712);
const wide = dataUrl("image/png", await png(5000, 3000, "red"));
const static9 = await noise(1800, 1700).png().toBuffer();
const static11 = await noise(2000, 1850).png().toBuffer();

const part = (url: string, more: object = {}): object => ({ type: "image_url", image_url: { url, ...more } });
const text = (said: string): object => ({ type: "text", text: said });
const picture = (bytes: Uint8Array, more: object = {}): object => part(dataUrl("image/png", bytes), more);
const user = (...content: object[]): object => ({ role: "user", content });
const shows = (parts: object[], said = "Describe this image.", more: object = {}): object => ({
  messages: [user(...parts, text(said))],
  ...more,
});
const plain = async (width: number, height: number, color = "red"): Promise<object> =>
  picture(await png(width, height, color), { detail: "default" });
const on = { thinking: { type: "adaptive" } };

beforeAll(async () => {
  for (const [name, bytes] of Object.entries({ beach, red, static9, static11 })) served.set(`/${name}`, bytes);
  served.set("/page", Buffer.from("<html>no picture</html>"));
  files = createServer((request, response) => {
    const body = served.get(request.url ?? "");
    response.writeHead(body === undefined ? 404 : 200, { "content-type": "image/jpeg" }).end(body);
  });
  await new Promise<void>((resolve) => {
    files.listen(0, "127.0.0.1", resolve);
  });
  server = await startServer({ engine: "sim", media: { download: { allow: ["127.0.0.1"] } } });
});
afterAll(async () => {
  await server.stop();
  files.closeAllConnections();
  await new Promise((resolve) => {
    files.close(resolve);
  });
});

/** Sends a body whose URLs name the file server. */
async function send(body: object): Promise<Answer> {
  const { port } = files.address() as AddressInfo;
  const known = JSON.stringify(body).replaceAll(`${host}/`, `http://127.0.0.1:${port}/`);
  return await ask(server, JSON.parse(known) as object);
}

async function promptOf(parts: object[]): Promise<number> {
  const { status, usage } = await send(shows(parts, "What is the dominant color in this image? Answer in one word."));
  expect(status).toBe(200);
  return usage?.prompt_tokens ?? 0;
}

type Check = (answer: Answer) => void;
const includes =
  (wanted: string | RegExp): Check =>
  (answer) =>
    expect(spoken(answer)).toMatch(wanted);
const callsWeather: Check = (answer) => expectCall(answer, { name: "get_weather", schema: parametersOf(weather) });

const formats: [string, Buffer][] = [
  ["jpeg", await canvas(672, 672, "red").jpeg().toBuffer()],
  ["gif", await canvas(672, 672, "red").gif().toBuffer()],
  ["webp", await canvas(672, 672, "red").webp().toBuffer()],
  ["png", red],
];
const sizes: [number, number, string][] = [
  [500, 400, "500x400"],
  [2000, 1000, "2000x1000"],
  [1500, 1000, "1500x1000"],
  [3000, 2000, "2016x1344"],
  [2000, 3000, "1344x2016"],
  [5000, 3000, "2016x1210"],
  [4000, 2000, "2016x1008"],
  [3584, 3584, "2016x2016"],
  [4000, 500, "2016x252"],
  [400, 40, "400x40"],
  [300, 80, "300x80"],
  [112, 20, "112x20"],
  [40, 400, "40x400"],
  [80, 300, "80x300"],
  [1, 1, "1x1"],
];
const wrapped = (bytes: Buffer): string => bytes.toString("base64").replace(/.{76}/g, "$&\n");
const labels: [string, string][] = [
  ["PNG labelled as JPEG", dataUrl("image/jpeg", red)],
  ["a label in capitals", dataUrl("image/PNG", red)],
  ["a label with a parameter", dataUrl("image/png;charset=utf-8", red)],
  ["a label of another kind", dataUrl("text/plain", red)],
  ["no label", `data:;base64,${red.toString("base64")}`],
  ["line breaks", `data:image/png;base64,${wrapped(red)}`],
  ["no padding", dataUrl("image/png", red).replace(/=+$/, "")],
  ["the URL alphabet", `data:image/png;base64,${red.toString("base64url")}`],
];

/** Each is asked whole and as a stream, and answered with 200. */
const answered: [string, object, Check?][] = [
  ...formats.map(([format, bytes]): [string, object, Check] => [
    `base64 ${format}`,
    shows([part(dataUrl(`image/${format}`, bytes))], "What color is this image?"),
    includes(/672x672, mostly red/),
  ]),
  ...(await Promise.all(
    sizes.map(async ([width, height, seen]): Promise<[string, object, Check]> => [
      `${width}x${height}`,
      shows([await plain(width, height)], "What color?"),
      includes(`${seen}, mostly red`),
    ]),
  )),
  ...labels.map(([name, url]): [string, object, Check] => [name, shows([part(url)]), includes("672x672, mostly red")]),
  ["a photograph", shows([picture(beach)], "Describe", { max_tokens: 2048 }), includes("2000x1334")],
  ["24 megapixels", shows([picture(tank)], "Describe", { max_tokens: 1024 }), includes("1512x2016")],
  ["a URL", shows([part(`${host}/beach`)]), includes("image/jpeg, 2000x1334")],
  ["a URL whose type lies", shows([part(`${host}/red`)]), includes("image/png, 672x672, mostly red")],
  ["9 MB by URL", shows([part(`${host}/static9`)]), includes("1800x1700")],
  ["9 MB in base64", shows([picture(static9)]), includes("1800x1700")],
  ...[1, 10].map((size): [string, object, Check] => [
    `${size} MiB of padding`,
    shows([picture(padded(red, size * mebibyte))], "Describe"),
    includes("672x672, mostly red"),
  ]),
  [
    "two pictures, counted and told apart",
    shows([picture(red), picture(await png(300, 200, "blue"))], "How many images did I send you? Compare them."),
    includes(/\b2 images\b.*672x672, mostly red.*300x200, mostly blue/),
  ],
  [
    "two pictures in Chinese",
    shows([picture(beach), picture(red)], "我给你看了几张图?请先回答图数,再分别描述每张图的主要内容"),
    includes(/\b2 images\b.*2000x1334.*672x672, mostly red/),
  ],
  [
    "three colors",
    shows([picture(red), await plain(672, 672, "lime"), await plain(672, 672, "blue")], "List the color of each one."),
    includes(/\b3 images\b.*red.*green.*blue/),
  ],
  [
    "texts between pictures",
    { messages: [user(text("First"), picture(red), text("and then"), await plain(30, 20, "blue"), text("Describe."))] },
    includes(/Image 1 .*red.*Image 2 .*blue/),
  ],
  ["ten photographs", shows(Array.from({ length: 10 }, () => picture(beach))), includes(/\b10 images\b/)],
  [
    "twenty pictures of one pixel",
    shows(
      Array.from({ length: 20 }, () => picture(onePixel)),
      "You see 20 small images. Acknowledge them.",
    ),
    includes(/\b20 images\b/),
  ],
  [
    "a picture in the system message",
    {
      messages: [
        { role: "system", content: [picture(red), text("You are an image analyst. Remember this image.")] },
        { role: "user", content: "What did you see in the system image?" },
      ],
    },
    includes("mostly red"),
  ],
  [
    "a question about an earlier picture",
    {
      messages: [
        user(picture(red), text("What color is this?")),
        { role: "assistant", content: "It appears to be a red image." },
        { role: "user", content: "Are you sure about that color?" },
      ],
    },
    includes("mostly red"),
  ],
  [
    "another picture in the second turn",
    {
      messages: [
        user(picture(red), text("What color is this image?")),
        { role: "assistant", content: "It's a red image." },
        user(await plain(672, 672, "blue"), text("And this one?")),
      ],
    },
    includes(/Image 1 .*mostly red.*Image 2 .*mostly blue/),
  ],
  ["a picture and a tool", shows([picture(red)], "Describe it.", { tools: [weather] }), callsWeather],
  [
    "a picture, a tool and thought",
    shows([picture(red)], "Describe it.", { tools: [weather], ...on }),
    (answer) => {
      callsWeather(answer);
      expect(thinks(answer)).toBe(true);
    },
  ],
  ["thought", shows([picture(beach)], "Describe this image in detail.", on), includes("2000x1334")],
  [
    "thought, split off",
    shows([picture(red)], "What color? Think step by step.", { reasoning_split: true, ...on }),
    (answer) => {
      expect(answer.reasoning).not.toBe("");
      expect(answer.content).not.toContain("<think>");
    },
  ],
  ...["low", "default", "auto", "high"].map((detail): [string, object, Check] => [
    `detail ${detail}`,
    shows([picture(beach, { detail })], "What do you see?"),
    includes(detail === "low" ? "672x448" : "2000x1334"),
  ]),
  ...[1, 100, 251, 252, 1008, 1009, 100_000].map((side): [string, object] => [
    `max_long_side_pixel ${side}`,
    shows([picture(beach, { max_long_side_pixel: side })], "Describe briefly."),
  ]),
];

describe("answered", () => {
  test.each(answered)("%s", async (_, body, check) => {
    for (const stream of [false, true]) {
      const answer = await send({ ...body, stream, ...(stream && { stream_options: { include_usage: true } }) });
      expect([answer.status, answer.error]).toEqual([200, ""]);
      expectSums(answer.usage);
      check?.(answer);
    }
  });
});

const encoded = red.toString("base64");
/** Each is refused with 400, whole and as a stream, and told where the fault is. */
const refused: [string, object, RegExp][] = [
  ["random bytes", part(dataUrl("image/png", Buffer.from("no picture at all ".repeat(20)))), /is not an image/],
  ["what is no base64", part("data:image/png;base64,!!!not-base64!!!"), /is not valid base64/],
  ["base64 of nothing", part("data:image/png;base64,"), /holds no data/],
  ["a picture that breaks off", picture(beach.subarray(0, beach.length / 2)), /is not a whole jpeg image/],
  ["a header alone", picture(red.subarray(0, 40)), /is not a whole png image/],
  ["an unknown detail", picture(red, { detail: "ultra" }), /\.detail: must be one of/],
  ["a detail that is no text", picture(red, { detail: 3 }), /\.detail/],
  ["a long side of 0", picture(red, { max_long_side_pixel: 0 }), /\.max_long_side_pixel/],
  ["a long side under 0", picture(red, { max_long_side_pixel: -1 }), /\.max_long_side_pixel/],
  ["a long side that is no number", picture(red, { max_long_side_pixel: "wide" }), /\.max_long_side_pixel/],
  ["no image_url", { type: "image_url" }, /\.image_url/],
  ["no url", { type: "image_url", image_url: {} }, /\.image_url\.url/],
  ["an empty url", part(""), /\.image_url\.url/],
  ["a url that is none", part("no-address-at-all"), /\.image_url\.url/],
  ["bare base64 that ends early", part(encoded.slice(0, 100)), /\.image_url: is not a whole png image/],
  ["a scheme that is not taken", part("ftp://files.test/red"), /\.image_url\.url/],
  ["a URL of nothing", part(`${host}/none`), /could not be downloaded: the server answered 404/],
  ["a URL of a page", part(`${host}/page`), /is not an image/],
];

/** Over 10 MiB each. */
const oversized: [string, object][] = [
  ["12 MiB", picture(padded(beach, 12 * mebibyte))],
  ["11 MB in base64", picture(static11)],
  ["11 MB by URL", part(`${host}/static11`)],
];

describe("refused", () => {
  test.each(refused)("%s", async (_, wrong, message) => {
    for (const stream of [false, true]) {
      const answer = await send({ messages: [user(text("What is this?"), wrong)], stream });
      expect([answer.status, answer.error]).toEqual([400, expect.stringMatching(message)]);
      expect(answer.error).toContain("messages[0].content[1]");
    }
  });

  test.each(oversized)("%s, in the vendor's words", async (_, wrong) => {
    for (const stream of [false, true]) {
      const answer = await send({ ...shows([wrong], "What?"), stream });
      expect([answer.status, answer.error]).toEqual([
        400,
        expect.stringContaining("media exceeds size limit: max 10485760 bytes"),
      ]);
    }
  });

  test("a body over 64 MiB, in a way that the client can read", async () => {
    const answer = await send(shows([picture(padded(red, 50 * mebibyte))]));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  });
});

describe("tokens", () => {
  const increasing = (counts: readonly number[]): boolean =>
    counts.every((count, index) => index === 0 || count > (counts[index - 1] ?? 0));

  test("each max_long_side_pixel changes them", async () => {
    const counts: number[] = [];
    for (const side of [252, 504, 1008]) counts.push(await promptOf([part(wide, { max_long_side_pixel: side })]));
    expect(increasing(counts)).toBe(true);
  });

  test("each detail changes them, and none is the default", async () => {
    const counts: number[] = [];
    for (const detail of ["low", "default", "high"]) counts.push(await promptOf([part(wide, { detail })]));
    expect(increasing(counts)).toBe(true);
    expect(await promptOf([part(wide)])).toBe(counts[1]);
  });

  test("they are the vendor's patches", async () => {
    const pixel = await promptOf([await plain(112, 112)]);
    const patches = async (width: number, height: number): Promise<number> =>
      (await promptOf([await plain(width, height)])) - pixel + 16;
    expect(await patches(672, 672)).toBe(576);
    expect(await patches(2000, 1334)).toBe(3408);
    expect(await patches(3000, 2000)).toBe(3456);
  });

  test("a flatter picture of the same length never costs less", async () => {
    const counts: number[] = [];
    for (const height of [90, 40, 20]) counts.push(await promptOf([await plain(400, height)]));
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
  });

  test("every picture of many is counted", async () => {
    const one = await promptOf([picture(red)]);
    const two = await promptOf([picture(red), await plain(672, 672, "blue")]);
    expect(two - one).toBeGreaterThanOrEqual(576);
  });
});

describe("how many", () => {
  const many = async (count: number): Promise<object> => {
    const parts = Array.from({ length: count }, async (_, index) => {
      const [r, g, b] = [index * 37, index * 53, index * 73].map((value) => value % 256);
      return picture(await png(112, 112, `rgb(${r}, ${g}, ${b})`));
    });
    return shows(await Promise.all(parts));
  };

  test("200 pictures, all of them seen", async () => {
    const answer = await send(await many(200));
    expect([answer.status, spoken(answer)]).toEqual([200, expect.stringMatching(/\b200 images\b/)]);
    expect(answer.usage?.prompt_tokens).toBeGreaterThan(200 * 16);
  });

  test("201 are refused", async () => {
    const answer = await send(await many(201));
    expect([answer.status, answer.error]).toEqual([400, expect.stringContaining("the num of image is larger")]);
  });
});
