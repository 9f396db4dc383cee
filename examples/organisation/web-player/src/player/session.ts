/** How often the player tells the server where it is, in milliseconds. */
export const reportEvery = 10_000;

export interface Session {
  id: string;
  positionMs: number;
}

/** Sends the position and returns whether the player may go on. A network that is down is no reason to stop. */
export async function report(session: Session, send: (session: Session) => Promise<{ stop: boolean }>): Promise<boolean> {
  try {
    const answer = await send(session);
    return !answer.stop;
  } catch {
    return true;
  }
}
