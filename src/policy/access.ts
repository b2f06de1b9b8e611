import { createAdminCheck, createAuthenticate, type Authenticate, type AuthenticateOptions } from "./authenticate.ts";

/** The keys that the settings hold. */
export interface ConfiguredKeys {
  staticKeys: readonly string[];
  adminKeys: readonly string[];
}

export type AccessOptions = Omit<AuthenticateOptions, "staticKeys">;

interface Checks {
  authenticate: Authenticate;
  checkAdmin: (authorization: string | undefined) => string;
}

/** The checks of keys; they are exchanged as a whole when the settings change. */
export class Access {
  // fixed at birth
  private readonly options: AccessOptions;
  // changed by events
  /** Made anew by `adopt`. */
  private checks: Checks;

  constructor(keys: ConfiguredKeys, options: AccessOptions) {
    this.options = options;
    this.checks = checksOf(keys, options);
  }

  readonly authenticate: Authenticate = (authorization, origin) => this.checks.authenticate(authorization, origin);

  /** Throws unless the header holds an admin key; returns its name in the audit log. */
  readonly checkAdmin = (authorization: string | undefined): string => this.checks.checkAdmin(authorization);

  /** Uses these keys from the next request on. */
  adopt(keys: ConfiguredKeys): void {
    this.checks = checksOf(keys, this.options);
  }
}

function checksOf({ staticKeys, adminKeys }: ConfiguredKeys, options: AccessOptions): Checks {
  return {
    authenticate: createAuthenticate({ ...options, staticKeys }),
    checkAdmin: createAdminCheck(adminKeys, options.hash),
  };
}
