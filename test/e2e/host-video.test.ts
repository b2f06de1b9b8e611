import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dataUrl } from "../media/fixture.ts";
import { mebibyte, openShelf, padded, type PartMaker as Part, plainVideo, type Shelf } from "./host-clip.ts";
import { type Answer, ask, expectCall, spoken } from "./host.ts";
import { startServer, type Running } from "./start.ts";

/**
 * The video cases of the vendor's checks for hosts of M3, restated; the simulator says what pixels reached it. Where the
 * vendor lets a host choose between an answer and a refusal, what Parley chose (docs/media.md) is demanded.
 */
const colored = "mostly red, then green, then blue";

let server: Running;
let shelf: Shelf;
beforeAll(async () => {
  shelf = await openShelf();
  server = await startServer({ engine: "sim", media: { download: { allow: ["127.0.0.1"] } } });
}, 60_000);
afterAll(async () => {
  await server.stop();
  await shelf.stop();
});

const text =
  (words: string): Part =>
  () => ({ type: "text", text: words });
const image: Part = () => ({ type: "image_url", image_url: { url: dataUrl("image/png", shelf.bytes("image")) } });
const video =
  (...wanted: Parameters<Shelf["video"]>): Part =>
  () =>
    shelf.video(...wanted);
const linked =
  (...wanted: Parameters<Shelf["linked"]>): Part =>
  () =>
    shelf.linked(...wanted);
const plain =
  (...wanted: Parameters<typeof plainVideo>): Part =>
  () =>
    plainVideo(...wanted);
const times = (count: number, part: Part): Part[] => Array.from({ length: count }, () => part);
const off = { thinking: { type: "disabled" } };
const user = (...parts: Part[]): object => ({ role: "user", content: parts.map((part) => part()) });
const what = text("What is this?");

async function see(parts: Part[], more: object = {}): Promise<Answer> {
  return await ask(server, { messages: [user(...parts)], max_tokens: 2048, ...more });
}

const streamed = { stream: true, stream_options: { include_usage: true } };

/** Whole and streamed alike, unless `ways` says otherwise. */
async function expectSeen(parts: Part[], wanted: RegExp, ways: readonly object[] = [{}, streamed]): Promise<void> {
  const prompts = [];
  for (const way of ways) {
    const answer = await see(parts, way);
    expect([answer.status, answer.error]).toEqual([200, ""]);
    expect(spoken(answer)).toMatch(wanted);
    prompts.push(answer.usage?.prompt_tokens);
  }
  expect(new Set(prompts).size).toBe(1);
}

type Case = [name: string, parts: Part[], wanted: RegExp];
const described = (mime: string): RegExp => new RegExp(`Video 1 is ${mime}, 320x240, seen as 3 frames, ${colored}`);
const framesOf = (count: number): RegExp => new RegExp(`seen as ${count} frames?,`);
const sized = (size: string): RegExp => new RegExp(`Video 1 is video/mp4, ${size},`);

describe.each<[string, Case[]]>([
  [
    "ways in",
    [
      ["a data URL", [video("square"), text("What do you see?")], sized("504x504")],
      ["an address", [linked("three"), text("What is in this video?")], described("video/mp4")],
      ["the text before the video", [text("What happens in this video?"), video("three")], described("video/mp4")],
      ["no text", [video("three")], described("video/mp4")],
    ],
  ],
  [
    "formats",
    [
      ["H.264 in MP4", [video("three"), what], described("video/mp4")],
      ["HEVC in MP4", [video("hevc"), what], described("video/mp4")],
      ["MOV", [video("mov", {}, "video/mov"), what], described("video/mov")],
      ["HEVC in MOV", [video("movHevc", {}, "video/quicktime"), what], described("video/mov")],
      ["MKV", [video("mkv", {}, "video/x-matroska"), text("One word.")], described("video/x-matroska")],
      ["HEVC in MKV", [video("mkvHevc", {}, "video/x-matroska"), what], described("video/x-matroska")],
      ["AVI", [video("avi", {}, "video/avi"), text("One word.")], described("video/x-msvideo")],
      ["MPEG-4 in AVI", [video("aviMpeg4", {}, "video/x-msvideo"), what], described("video/x-msvideo")],
      ["AVI by address, served as MP4", [linked("avi"), what], described("video/x-msvideo")],
      ...[
        "video/x-matroska",
        "video/quicktime",
        "video/mov",
        "video/avi",
        "video/x-msvideo",
        "VIDEO/MP4",
        "image/png",
      ].map((mime): Case => [
        `MP4 labelled ${mime}`,
        [video("three", {}, mime), text("What?")],
        described("video/mp4"),
      ]),
    ],
  ],
  [
    "several",
    [
      ["20 addresses", [...times(20, linked("small")), text("How many videos do you see?")], /Video 20 is/],
      ["3 of one content", [...times(3, video("twoSeconds")), text("Describe each video briefly.")], /Video 3 is/],
      ["5 of one content", [...times(5, video("twoSeconds")), text("Describe each video briefly.")], /Video 5 is/],
      [
        "5 to be acknowledged",
        [...times(5, video("twoSeconds")), text("You see 5 short videos. Acknowledge them.")],
        /Video 5 is/,
      ],
      [
        "a data URL and an address",
        [video("twoSeconds"), linked("three"), text("How many videos do you see?")],
        /Video 1 .*mostly red, then blue.*Video 2 .*mostly red, then green, then blue/,
      ],
      [
        "an image and a video",
        [image, video("twoSeconds"), text("Describe both.")],
        /Image 1 .*672x672.*Video \d .*400x300/,
      ],
      [
        "three images and a video",
        [...times(3, image), video("twoSeconds"), text("Describe all the images and the video.")],
        /Image 3 .*Video \d .*400x300/,
      ],
      [
        "an image and two videos",
        [image, video("twoSeconds"), video("flower"), text("Describe the image and both videos.")],
        /Image 1 .*Video \d .*400x300.*Video \d .*320x176.*mostly green/,
      ],
    ],
  ],
  [
    "fps",
    [
      ...[0.2, 0.5, 1, 2, 5].map((fps): Case => [
        `${fps} of twelve seconds`,
        [video("twelve", { fps }), text("Describe briefly.")],
        framesOf(Math.ceil(12 * fps)),
      ]),
      ...[0.2, 5].map((fps): Case => [
        `${fps} of one second`,
        [video("vga", { fps, detail: "default" }), what],
        framesOf(fps === 5 ? 5 : 1),
      ]),
      ["as a null, the default", [video("twelve", { fps: null }), what], framesOf(12)],
    ],
  ],
  [
    "detail and size",
    [
      ["low", [video("hd", { detail: "low" }), what], sized("504x28[0-4]")],
      ["default", [video("hd", { detail: "default" }), what], sized("672x37[0-8]")],
      ["auto, as others call it", [video("hd", { detail: "auto" }), what], sized("672x37[0-8]")],
      ["high", [video("hd", { detail: "high" }), what], sized("1280x720")],
      ["neither detail nor fps", [video("twoSeconds"), text("What is in the video? One word.")], framesOf(2)],
      ["fps alone", [video("twoSeconds", { fps: 1 }), text("One word.")], framesOf(2)],
      ["detail alone", [video("twoSeconds", { detail: "default" }), text("One word.")], framesOf(2)],
      ["400x300 as it is", [video("small", { detail: "default" }), what], sized("400x300")],
      ["640x480 as it is", [video("vga", { detail: "default" }), what], sized("640x480")],
      ["480x640 as it is", [video("tall", { detail: "default" }), what], sized("480x640")],
      ["1920x1080 scaled", [video("fullHd", { detail: "default" }), text("Describe this video")], sized("672x37[0-8]")],
      ["3840x2160 scaled", [video("uhd", { detail: "default" }), text("Describe this video")], sized("672x37[0-8]")],
      ["3840x2160 at five a second", [video("uhd", { detail: "default", fps: 5 }), what], framesOf(5)],
      ...[504, 1008, 2016].map((side): Case => [
        `a side of ${side}`,
        [video("uhd", { max_long_side_pixel: side }), what],
        sized(`${side}x\\d+`),
      ]),
      ["a side below the vendor's least", [video("vga", { max_long_side_pixel: 140 }), what], sized("140x10[0-6]")],
      ["a side above the vendor's most", [video("vga", { max_long_side_pixel: 3612 }), what], sized("640x480")],
    ],
  ],
  ["a long one", [["5 minutes, a frame every second", [video("minutes5"), what], framesOf(300)]]],
])("sees %s", (group, cases) => {
  // how it is answered does not depend on what the clip is: both ways are tried where it comes in
  const ways = group === "ways in" ? undefined : [streamed];
  test.each(cases)("%s", async (_name, parts, wanted) => {
    await expectSeen(parts, wanted, ways);
  });
});

describe("tokens", () => {
  const cost = async (name: string, more: object): Promise<number> =>
    (await see([video(name, more), what], off)).usage?.prompt_tokens ?? expect.fail("no usage");

  test.each<[string, string, object[]]>([
    ["longer sides", "uhd", [504, 1008, 2016].map((side) => ({ max_long_side_pixel: side }))],
    ["more detail", "fullHd", ["low", "default", "high"].map((detail) => ({ detail }))],
    ["more frames", "twelve", [0.2, 0.5, 1, 2, 5].map((fps) => ({ fps }))],
  ])("%s stand for strictly more", async (_name, file, steps) => {
    const costs: number[] = [];
    for (const more of steps) costs.push(await cost(file, more));
    expect(new Set(costs).size).toBe(costs.length);
    expect(costs.toSorted((one, other) => one - other)).toEqual(costs);
  });
});

describe("sizes", { timeout: 60_000 }, () => {
  test("50 MiB by address", async () => {
    expect(spoken(await see([linked("under"), what]))).toMatch(described("video/mp4"));
  });

  test("47.4 MiB as a data URL", async () => {
    const bytes = padded(shelf.bytes("three"), Math.floor(47.4 * mebibyte));
    expect(spoken(await see([plain(dataUrl("video/mp4", bytes)), what]))).toMatch(described("video/mp4"));
  });

  test("over 50 MiB by address is refused, in words of its size", async () => {
    const { status, error } = await see([linked("over"), what]);
    expect([status, error]).toEqual([
      400,
      expect.stringContaining(`media exceeds size limit: max ${50 * mebibyte} bytes`),
    ]);
  });

  test("over 50 MiB as a data URL is over the body limit, and the caller can read so", async () => {
    const url = dataUrl("video/mp4", shelf.bytes("over"));
    expect((await see([plain(url), what], { stream: true })).status).toBe(413);
  });

  test("over 50 MiB as a file is seen", async () => {
    expect(spoken(await see([plain(await shelf.upload(server, "over")), what]))).toMatch(described("video/mp4"));
  });
});

test("a file that was uploaded before is seen, at every detail", async () => {
  const url = await shelf.upload(server, "fullHd");
  const sizes = { low: /504x28\d/, default: /672x37\d/, high: /1280x720/ };
  for (const [detail, size] of Object.entries(sizes)) await expectSeen([plain(url, { detail }), what], size);
});

const broken = /content\[0\]\.video_url: /;
const rate = /video_url\.fps.*must be between 0\.2 and 5/;
const refused: [string, Part[], RegExp][] = [
  ...[0.1, 0, -1, 5.1, 10, 100, 1000].map((fps): [string, Part[], RegExp] => [
    `fps ${fps}`,
    [video("twelve", { fps }), text("Describe.")],
    rate,
  ]),
  ["fps as a text", [video("small", { fps: "1" }), what], /video_url\.fps/],
  ["a detail that is none", [video("small", { detail: "ultra" }), what], /video_url\.detail/],
  ...[0, -28, 504.5, "504"].map((side): [string, Part[], RegExp] => [
    `a side of ${JSON.stringify(side)}`,
    [video("vga", { max_long_side_pixel: side }), text("What?")],
    /video_url\.max_long_side_pixel/,
  ]),
  ["half of an MP4", [video("cut"), what], broken],
  ["a text as a video", [video("text"), what], broken],
  ["a picture as a video", [video("image"), what], broken],
  ["an empty data URL", [video("empty"), what], broken],
  ["base64 that is none", [plain("data:video/mp4;base64,@@@not base64@@@"), what], broken],
  ["a data URL without a comma", [plain("data:video/mp4;base64"), what], /video_url/],
  ["no address", [() => ({ type: "video_url", video_url: {} }), what], /video_url\.url/],
  ["an empty address", [plain(""), what], /video_url\.url/],
  ["an address of another kind", [plain("ftp://127.0.0.1/clip.mp4"), what], /video_url\.url/],
  ["a number as an address", [plain(7), what], /video_url\.url/],
  ["an address without a video", [linked("gone"), what], /could not be downloaded: the server answered 404/],
  ["an address of a text", [linked("text"), what], broken],
  ["an address that nobody serves", [plain("http://127.0.0.1:1/clip.mp4"), what], broken],
  ["a private address", [plain("http://10.0.0.1/clip.mp4"), what], broken],
  ["a file that is not there", [plain("mm_file://123456"), what], /does not exist/],
];

test.each(refused)("refuses %s with 400, whole and streamed", async (_name, parts, message) => {
  for (const stream of [false, true]) {
    const answer = await see(parts, { stream });
    expect([answer.status, answer.error]).toEqual([400, expect.stringMatching(message)]);
    expect(answer.error).toMatch(/^invalid params, .* \(2013\)$/);
  }
});

describe("21 videos", () => {
  test.each([
    ["in one message", [21]],
    ["over the turns of a conversation", [10, 11]],
  ])("%s are refused before any download", async (_name, counts) => {
    shelf.asked.length = 0;
    const messages = counts.flatMap((count) => [
      user(...times(count, linked("small")), text("How many?")),
      { role: "assistant", content: "Some." },
    ]);
    for (const stream of [false, true]) {
      const { status, error } = await ask(server, { messages: messages.slice(0, -1), stream });
      expect([status, error]).toEqual([400, "invalid params, the num of video is larger than the limit: 20 (2013)"]);
    }
    expect(shelf.asked).toEqual([]);
  });
});

test.each(["MiniMax-M2.7", "MiniMax-M2"])("%s reads text only, and says so", async (model) => {
  const { status, error } = await see([video("small"), what], { model });
  expect([status, error]).toEqual([400, expect.stringContaining(`${model} does not support video input`)]);
});

describe("beside a video", () => {
  test.each([false, true])("a thought is split off (stream: %s)", async (stream) => {
    const more = { reasoning_split: true, thinking: { type: "adaptive" }, stream };
    const answer = await see([video("three"), text("Describe step by step.")], more);
    expect(answer.reasoning.trim()).not.toBe("");
    expect(answer.content).toMatch(described("video/mp4"));
  });

  test.each([false, true])("earlier turns are seen too (stream: %s)", async (stream) => {
    const messages = [
      user(video("three"), text("What do you see?")),
      { role: "assistant", content: "A red screen that turns green, then blue." },
      user(video("flower"), text("And in this video?")),
    ];
    const answer = await ask(server, { messages, stream });
    expect(spoken(answer)).toMatch(/Video 1 is .*Video 2 is .*320x176, seen as 2 frames, mostly green/);
    const alone = await ask(server, { messages: messages.slice(2), stream: false });
    const whole = await ask(server, { messages });
    expect((whole.usage?.prompt_tokens ?? 0) - (alone.usage?.prompt_tokens ?? 0)).toBeGreaterThan(3 * 11 * 8);
  });

  test.each([false, true])("a tool is called (stream: %s)", async (stream) => {
    const { tools } = fetchVideo();
    const answer = await see([video("small"), text("Save it under the id vid_7.")], {
      tools,
      tool_choice: "required",
      stream,
    });
    expectCall(answer, { name: "fetch_video", args: { video_id: "" } });
  });

  test.each([false, true])("the result of a tool holds one (stream: %s)", async (stream) => {
    const answer = await ask(server, { ...fetchVideo(), tool_choice: "none", stream, max_tokens: 512 });
    expect([answer.status, answer.calls]).toEqual([200, []]);
    expect(spoken(answer)).toMatch(new RegExp(`320x240, seen as 3 frames, ${colored}`));
  });
});

/** A tool fetched a video, and the user asks what is in it. */
function fetchVideo(): { messages: object[]; tools: object[] } {
  const parameters = { type: "object", properties: { video_id: { type: "string" } }, required: ["video_id"] };
  const call = { name: "fetch_video", arguments: '{"video_id":"vid_001"}' };
  const result = [text("Here is video vid_001:")(), linked("three")()];
  return {
    messages: [
      { role: "user", content: "Fetch video vid_001 and tell me what happens in it." },
      { role: "assistant", content: null, tool_calls: [{ id: "c1", type: "function", function: call }] },
      { role: "tool", tool_call_id: "c1", content: result },
      { role: "user", content: "Describe what you see in that video." },
    ],
    tools: [{ type: "function", function: { name: "fetch_video", description: "Gives a video.", parameters } }],
  };
}

test("many at once, each its own", async () => {
  const names = ["three", "twoSeconds", "flower", "small", "mov", "mkv"];
  const answers = await Promise.all(names.map((name) => see([video(name), what], { stream: name < "n" })));
  const frames = answers.map((answer) => /seen as (\d+)/.exec(spoken(answer))?.[1] ?? spoken(answer));
  expect(frames).toEqual(["3", "2", "2", "1", "3", "3"]);
});
