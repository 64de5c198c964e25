// How the client of orval sends a request: it leaves to us where the server is and who is signed in.
const session = { token: "" };

export function signIn(token: string): void {
  session.token = token;
}

export async function request<T>(path: string, options: RequestInit): Promise<T> {
  const headers = new Headers(options.headers);
  if (session.token) {
    headers.set("Authorization", `Bearer ${session.token}`);
  }
  const baseUrl = process.env["BASE_URL"] ?? "http://localhost:3000";
  const response = await fetch(baseUrl + path, { ...options, headers });
  return { status: response.status, data: await response.json(), headers: response.headers } as T;
}
