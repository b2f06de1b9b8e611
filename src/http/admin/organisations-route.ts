import type { FastifyInstance } from "fastify";
import type { AdminService } from "../../service/admin.ts";
import { newOrganisation, organisationChange } from "../../service/admin-input.ts";
import { organisationView } from "../../service/report.ts";
import { adminPath, body, type BodyReading } from "./body.ts";

interface ById {
  Params: { id: string };
}

export function mountOrganisations(server: FastifyInstance, admin: AdminService, reading: BodyReading): void {
  const all = `${adminPath}/organisations`;
  server.get(all, async () => ({ data: (await admin.organisations()).map(organisationView) }));
  server.post(all, async (request, reply) => {
    const made = await admin.createOrganisation(await body(request, newOrganisation, reading));
    return reply.code(201).send(organisationView(made));
  });
  server.get<ById>(`${all}/:id`, async ({ params }) => organisationView(await admin.organisation(params.id)));
  server.patch<ById>(`${all}/:id`, async (request) =>
    organisationView(
      await admin.changeOrganisation(request.params.id, await body(request, organisationChange, reading)),
    ),
  );
  server.delete<ById>(`${all}/:id`, async ({ params }) => ({
    id: (await admin.deleteOrganisation(params.id)).id,
    deleted: true,
  }));
}
