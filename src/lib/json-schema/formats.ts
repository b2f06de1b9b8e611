const day = "\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\\d|2[0-8])";
const clock = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?Z";
const octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]\\d|\\d)";
const group = "[0-9a-f]{1,4}";
const letters = "[a-zA-Z][a-zA-Z0-9]{0,29}";
const host = `${letters}(?:-[a-zA-Z0-9]{1,20})?(?:\\.${letters}){0,3}`;
const address = `[a-zA-Z0-9_+\\-]{1,40}(?:\\.[a-zA-Z0-9_+\\-]{1,20})?@${letters}(?:\\.${letters})?\\.[a-zA-Z]{2,8}`;
const uri = `https?://${letters}(?:\\.${letters})?(?:\\.[a-zA-Z]{2,8})?(?:/[a-zA-Z0-9._~\\-]{1,40}){0,6}/?`;

/**
 * Texts of each format of JSON Schema 2020-12, as a pattern: not all that the format allows, but each one fits. Days end
 * at the 28th, which every month has. Other formats say nothing about a text.
 */
export const formatPatterns: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    date: day,
    time: clock,
    "date-time": `${day}T${clock}`,
    duration: "P(?:\\d{1,4}[YMWD]|\\d{1,3}DT\\d{1,2}H|T\\d{1,4}[HMS]|T\\d{1,2}H\\d{1,2}M|T\\d{1,2}M\\d{1,2}S)",
    email: address,
    "idn-email": address,
    hostname: host,
    "idn-hostname": host,
    ipv4: `(?:${octet}\\.){3}${octet}`,
    ipv6: `(?:(?:${group}:){7}${group}|(?:${group}:){1,3}(?::${group}){1,3})`,
    uri,
    "uri-reference": uri,
    "uri-template": uri,
    iri: uri,
    "iri-reference": uri,
    uuid: "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "json-pointer": "(?:/[a-zA-Z0-9_]{1,20}){0,8}",
    "relative-json-pointer": "[0-9](?:/[a-zA-Z0-9_]{1,20}){0,8}",
    regex: "[a-zA-Z0-9 ]{0,40}",
  }).map(([name, pattern]) => [name, `^(?:${pattern})$`]),
);

/** Patterns that zod 4 writes beside a format; the texts above match them (`test/engine/held.test.ts`). */
export const patternsOfFormats: ReadonlySet<string> = new Set([
  "^(?:[A-Za-z0-9_'+\\-]+\\.)*[A-Za-z0-9_'+\\-]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$",
  "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$",
  "^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}|00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff)$",
  "^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])$",
  "^(([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|([0-9a-fA-F]{1,4}:){1,7}:|([0-9a-fA-F]{1,4}:){1,6}:[0-9a-fA-F]{1,4}|([0-9a-fA-F]{1,4}:){1,5}(:[0-9a-fA-F]{1,4}){1,2}|([0-9a-fA-F]{1,4}:){1,4}(:[0-9a-fA-F]{1,4}){1,3}|([0-9a-fA-F]{1,4}:){1,3}(:[0-9a-fA-F]{1,4}){1,4}|([0-9a-fA-F]{1,4}:){1,2}(:[0-9a-fA-F]{1,4}){1,5}|[0-9a-fA-F]{1,4}:((:[0-9a-fA-F]{1,4}){1,6})|:((:[0-9a-fA-F]{1,4}){1,7}|:))$",
  "^(?:(?:\\d\\d[2468][048]|\\d\\d[13579][26]|\\d\\d0[48]|[02468][048]00|[13579][26]00)-02-29|\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|(?:02)-(?:0[1-9]|1\\d|2[0-8])))$",
  "^(?:(?:\\d\\d[2468][048]|\\d\\d[13579][26]|\\d\\d0[48]|[02468][048]00|[13579][26]00)-02-29|\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|(?:02)-(?:0[1-9]|1\\d|2[0-8])))T(?:(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?(?:Z))$",
  "^P(?:(\\d+W)|(?!.*W)(?=\\d|T\\d)(\\d+Y)?(\\d+M)?(\\d+D)?(T(?=\\d)(\\d+H)?(\\d+M)?(\\d+([.,]\\d+)?S)?)?)$",
  "^(?=.{1,253}\\.?$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[-0-9a-zA-Z]{0,61}[0-9a-zA-Z])?)*\\.?$",
]);
