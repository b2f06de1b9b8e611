import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evenFilter, ownFilter, planSampling, quarterTurns, type VideoPlan } from "../../src/media/video-job.ts";

describe("planSampling", () => {
  it("keeps every bound, whatever the header promises", () => {
    const facts = fc.record({
      width: fc.integer({ min: 1, max: 8_000 }),
      height: fc.integer({ min: 1, max: 8_000 }),
      duration: fc.double({ min: 0, max: 1e6, noNaN: true }),
      rate: fc.double({ min: 0, max: 240, noNaN: true }),
    });
    const wanted = fc.record({
      fps: fc.double({ min: 0.2, max: 5, noNaN: true }),
      maxSide: fc.integer({ min: 28, max: 3_584 }),
    });
    fc.assert(
      fc.property(facts, wanted, (video, asked) => {
        const { fps, width, height, frames } = planSampling(video, asked);
        expect(fps).toBeLessThanOrEqual(asked.fps);
        expect(width * height * frames).toBeLessThanOrEqual(301_056_000);
        expect(frames).toBeLessThanOrEqual(1_800);
        // the plan may end a film early only by rounding
        expect(fps * video.duration).toBeLessThanOrEqual(1_800 * 1.001);
        for (const side of [width, height]) {
          expect([side % 2, side >= 16, side <= Math.max(16, asked.maxSide)]).toEqual([0, true, true]);
        }
      }),
    );
  });

  it("takes a file without a rate as one of 30 frames a second", () => {
    const film = { width: 1_920, height: 1_080, duration: 240 };
    const wanted = { fps: 1, maxSide: 672 };
    expect(planSampling({ ...film, rate: 0 }, wanted)).toEqual(planSampling({ ...film, rate: 30 }, wanted));
    expect(planSampling({ ...film, rate: 0 }, wanted).skip).toBe("noref");
    expect(planSampling({ ...film, rate: 2 }, wanted).skip).toBe("none");
  });
});

describe("quarterTurns", () => {
  const one = 0x1_0000;
  const matrix = (a: number, b: number, c: number, d: number): Buffer => {
    const bytes = Buffer.alloc(36);
    for (const [at, value] of [a, b, 0, c, d, 0, 0, 0, 0x4000_0000].entries()) bytes.writeInt32LE(value, at * 4);
    return bytes;
  };

  it.each([
    ["upright", matrix(one, 0, 0, one), 0],
    ["to the right", matrix(0, one, -one, 0), 1],
    ["upside down", matrix(-one, 0, 0, -one), 2],
    ["to the left", matrix(0, -one, one, 0), 3],
    ["slightly tilted", matrix(one, 900, -900, one), 0],
    ["without a matrix", null, 0],
    ["with a cut one", matrix(0, one, -one, 0).subarray(0, 35), 0],
  ])("reads a clip %s", (_name, bytes, turns) => {
    expect(quarterTurns(bytes)).toBe(turns);
  });
});

describe("filters", () => {
  const plan: VideoPlan = { fps: 0.5, width: 64, height: 48, frames: 9, skip: "none" };

  it("take a frame at every even time, from the start on", () => {
    expect(evenFilter(plan)).toBe("setpts=PTS-STARTPTS,fps=0.5:round=up,scale=64:48");
  });

  it("take the key frames that stand apart by nearly a step", () => {
    expect(ownFilter(plan)).toBe("select='isnan(prev_selected_t)+gte(t-prev_selected_t,1.9)',scale=64:48");
  });
});
