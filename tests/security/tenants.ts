// Two organizations on one server, and what one of them does while the other waits for its answers.
import { Strowger, sleep } from '../e2e/harness.ts'

export class Tenant {
  constructor(readonly server: Strowger, readonly key: string) {}

  static add(server: Strowger, name: string): Tenant {
    const who = ['--name', name, '--email', `${name}@example.com`]
    const where = ['--data', server.data, ...server.databaseFlag()]
    const made = server.run(['organization', 'add', ...where, ...who])
    return new Tenant(server, JSON.parse(made).api_key)
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  api(method: string, path: string, body?: unknown): Promise<any> {
    return this.server.api(method, path, body, this.key)
  }

  raw(method: string, path: string, body?: unknown): Promise<Response> {
    return this.server.raw(method, `/api/v1${path}`, body, {}, this.key)
  }
}

// How often `other` is answered, one after the other and so many times at most, before the work ends.
export async function answersDuring(
  work: Promise<unknown>,
  other: () => Promise<unknown>,
  most = 10,
): Promise<number> {
  let over = false
  let answers = 0
  void work.then(() => (over = true), () => (over = true))
  await sleep(20) // so that the work has begun
  while (!over && answers < most) {
    await other()
    if (!over) answers++
  }
  await work
  return answers
}
