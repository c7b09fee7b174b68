'use strict';

// An answer as it is written.  EventSource comes back by itself, with the
// position that it has; the page that is opened anew gets it all again.

const $ = (id) => document.getElementById(id);

const args = new URLSearchParams(location.search);
const id = args.get('id') ?? Math.random().toString(36).slice(2);
const patience = Number(args.get('patience') ?? 15);     // seconds

let last = null;        // what the producer said of the end
let timer = 0;

if (!args.has('id')) {
  args.set('id', id);
  history.replaceState(null, '', `?${args}`);
}

$('id').textContent = id;
$('command').textContent = `examples/tokens/answer -u ${location.origin} ${id} `
  + String.raw`sh -c 'for w in one two three; do echo "\"$w \""; sleep 1; done'`;

function show(state, text) {
  $('state').dataset.state = state;
  $('state').textContent = text ?? state;
}

// who writes may have died so that nobody could say so

function wait() {
  clearTimeout(timer);
  timer = setTimeout(() => show('stalled', `no token for ${patience} s`),
                     patience * 1000);
}

function clear() {
  $('text').textContent = '';
  $('tokens').textContent = 0;
  last = null;
}

const source = new EventSource(`answer?id=${encodeURIComponent(id)}`);

source.onopen = () => {
  show('live');
  wait();
};

source.onmessage = ({ data }) => {
  const token = JSON.parse(data);

  if (typeof token !== 'string') {
    last = token;
    return;
  }

  $('text').append(token);
  $('tokens').textContent = Number($('tokens').textContent) + 1;
  show('live');
  wait();
};

// the position that we had is gone: it begins with what there is

source.addEventListener('unrecovered', clear);

source.addEventListener('end', () => {
  source.close();
  clearTimeout(timer);
  show(last?.finished ? 'finished' : 'broken',
       last?.finished ? 'finished' : 'the writer broke off');
});

source.onerror = () => {
  if (source.readyState === EventSource.CLOSED) {
    clearTimeout(timer);
    show('refused');
  } else {
    show('reconnecting');
  }
};
