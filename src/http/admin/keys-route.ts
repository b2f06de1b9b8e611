import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AdminService } from "../../service/admin.ts";
import { checkInput, keyChangeBody, keysQuery, newKeyBody, rotationBody } from "../../service/admin-input.ts";
import { keyView } from "../../service/report.ts";
import { adminPath, body, type BodyReading } from "./body.ts";

interface ById {
  Params: { id: string };
}

export function mountKeys(server: FastifyInstance, admin: AdminService, reading: BodyReading): void {
  const one = `${adminPath}/keys/:id`;
  server.get(`${adminPath}/keys`, async (request) => ({
    data: (await admin.keysOf(checkInput(request.query, keysQuery))).map(keyView),
  }));
  server.post(`${adminPath}/keys`, async (request, reply) => {
    const { key, record } = await admin.createKey(await body(request, newKeyBody, reading));
    return reply.code(201).send({ ...keyView(record), key });
  });
  server.get<ById>(one, async ({ params }) => keyView(await admin.key(params.id)));
  server.patch<ById>(one, async (request) =>
    keyView(await admin.changeKey(request.params.id, await body(request, keyChangeBody, reading))),
  );
  server.delete<ById>(one, async ({ params }) => ({ id: (await admin.deleteKey(params.id)).id, deleted: true }));
  server.post<ById>(`${one}/disable`, async ({ params }) =>
    keyView(await admin.changeKey(params.id, { disabled: true })),
  );
  server.post<ById>(`${one}/enable`, async ({ params }) =>
    keyView(await admin.changeKey(params.id, { disabled: false })),
  );
  server.post<ById>(`${one}/rotate`, async (request) => {
    const { overlap } = isEmpty(request) ? {} : await body(request, rotationBody, reading);
    const { key, record } = await admin.rotateKey(request.params.id, overlap);
    return { ...keyView(record), key };
  });
}

/** Whether a request has no body. */
function isEmpty({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0;
}
