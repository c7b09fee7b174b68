// What centrifuge_test.mjs has, in Protobuf over HTTP streaming.

globalThis.form = 'protobuf';
globalThis.transport = 'http_stream';

await import('./centrifuge_test.mjs');
