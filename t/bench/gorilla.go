// A hub on gorilla/websocket, as its own chat example has it: a goroutine
// that reads and one that writes for each connection, messages prepared once.

package main

import (
	"log"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

type subscriber struct {
	conn *websocket.Conn
	send chan *websocket.PreparedMessage
}

type channel struct {
	lock        sync.Mutex
	subscribers map[*subscriber]struct{}
}

var (
	upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}
	lock     sync.Mutex
	channels = make(map[string]*channel)
)

func find(name string) *channel {
	lock.Lock()
	defer lock.Unlock()

	ch := channels[name]

	if ch == nil {
		ch = &channel{subscribers: make(map[*subscriber]struct{})}
		channels[name] = ch
	}

	return ch
}

func (s *subscriber) write() {
	for m := range s.send {
		if s.conn.WritePreparedMessage(m) != nil {
			return
		}
	}
}

func subscribe(w http.ResponseWriter, r *http.Request) {
	// joined before the handshake is answered: the client may count on it
	s := &subscriber{send: make(chan *websocket.PreparedMessage, 256)}
	ch := find(strings.TrimPrefix(r.URL.Path, "/sub/"))

	ch.lock.Lock()
	ch.subscribers[s] = struct{}{}
	ch.lock.Unlock()

	conn, err := upgrader.Upgrade(w, r, nil)

	if err == nil {
		s.conn = conn
		go s.write()

		for err == nil {
			_, _, err = conn.ReadMessage()
		}

		conn.Close()
	}

	ch.lock.Lock()
	delete(ch.subscribers, s)
	close(s.send)
	ch.lock.Unlock()
}

func publish(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r, nil)

	if err != nil {
		return
	}

	defer conn.Close()
	ch := find(strings.TrimPrefix(r.URL.Path, "/pub/"))

	for {
		kind, data, err := conn.ReadMessage()

		if err != nil {
			return
		}

		m, err := websocket.NewPreparedMessage(kind, data)

		if err != nil {
			return
		}

		ch.lock.Lock()

		for s := range ch.subscribers {
			s.send <- m
		}

		ch.lock.Unlock()
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r, nil)

	if err != nil {
		return
	}

	defer conn.Close()

	for {
		kind, data, err := conn.ReadMessage()

		if err != nil || conn.WriteMessage(kind, data) != nil {
			return
		}
	}
}

func main() {
	http.HandleFunc("/sub/", subscribe)
	http.HandleFunc("/pub/", publish)
	http.HandleFunc("/echo", echo)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
