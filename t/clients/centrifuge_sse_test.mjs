// What centrifuge_test.mjs has, over server-sent events.

globalThis.transport = 'sse';

await import('./centrifuge_test.mjs');
