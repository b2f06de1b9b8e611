/** Whole numbers are integers unless they are marked. */
export type AttributeValue = string | number | boolean | readonly string[] | { readonly double: number };

/** A finished piece of work. Times in milliseconds since the Unix epoch, with a fraction. */
export interface Span {
  traceId: string;
  spanId: string;
  parentId: string | undefined;
  name: string;
  kind: keyof typeof kinds;
  startMs: number;
  endMs: number;
  /** Absent values are left out. */
  attributes: Readonly<Record<string, AttributeValue | undefined>>;
  failed: boolean;
}

/** Where finished spans go. Never throws, never waits. */
export interface SpanSink {
  add(span: Span): void;
}

/** `SpanKind` of opentelemetry/proto/trace/v1/trace.proto. */
const kinds = { internal: 1, server: 2, client: 3 } as const;
/** `STATUS_CODE_ERROR` of the same. */
const errorStatus = 2;

/** The body of one `POST /v1/traces` in OTLP's JSON form (OTLP 1.x: ids in hex, 64-bit integers as text). */
export function exportBody(spans: readonly Span[], resource: Readonly<Record<string, AttributeValue>>): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: "parley" }, spans: spans.map(spanBody) }],
      },
    ],
  });
}

function spanBody(span: Span): unknown {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentId === undefined ? {} : { parentSpanId: span.parentId }),
    name: span.name,
    kind: kinds[span.kind],
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(span.endMs),
    attributes: attributesOf(span.attributes),
    status: span.failed ? { code: errorStatus } : {},
  };
}

/** Microseconds are as fine as our clocks; a number cannot hold nanoseconds since the epoch. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}

function attributesOf(attributes: Span["attributes"]): unknown[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: valueOf(value) }],
  );
}

function valueOf(value: AttributeValue): unknown {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "number":
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    default:
      if ("double" in value) return { doubleValue: value.double };
      return { arrayValue: { values: value.map((one) => ({ stringValue: one })) } };
  }
}
