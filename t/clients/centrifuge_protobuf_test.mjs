// What centrifuge_test.mjs has, in Protobuf.

globalThis.form = 'protobuf';

await import('./centrifuge_test.mjs');
