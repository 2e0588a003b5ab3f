// The Go peer: httputil.ReverseProxy that captures request and response bodies up to a limit and sends them as
// length-prefixed records to the sink, within the same bound of memory as the sidecar's queue; beyond it records are
// dropped. Standard library only. Prints {"port"}; the end of stdin ends it.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const queueBytes = 32 << 20

// record is one exchange; its buffers are reused.
type record struct {
	line              string
	request, response bytes.Buffer
}

var (
	records = sync.Pool{New: func() any { return new(record) }}
	queue   = make(chan *record, 65536)
	queued  int64
)

func main() {
	target := flag.String("target", "", "URL of the upstream")
	sink := flag.String("sink", "", "host:port of the sink")
	limit := flag.Int("limit", 64<<10, "bytes kept of each body")
	cert := flag.String("cert", "", "PEM certificate; with it the listener is TLS")
	key := flag.String("key", "", "its PEM key")
	flag.Parse()
	upstream, err := url.Parse(*target)
	if err != nil {
		log.Fatal(err)
	}
	conn, err := net.Dial("tcp", *sink)
	if err != nil {
		log.Fatal(err)
	}
	go ship(conn)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	// An empty TLSNextProto keeps both sides at HTTP/1.1, as the other peers are.
	server := &http.Server{
		Handler:      newProxy(upstream, *limit),
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	if *cert != "" {
		log.Fatal(server.ServeTLS(listener, *cert, *key))
	}
	log.Fatal(server.Serve(listener))
}

func newProxy(upstream *url.URL, limit int) *httputil.ReverseProxy {
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 128, MaxIdleConns: 1024, DisableCompression: true}
	proxy.BufferPool = &buffers{sync.Pool{New: func() any { return make([]byte, 32<<10) }}}
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.ModifyResponse = func(response *http.Response) error {
		kept := records.Get().(*record)
		kept.line = fmt.Sprintf("%s %s %d %d\n", response.Request.Method, response.Request.URL.RequestURI(),
			response.StatusCode, time.Now().UnixMicro())
		if tee, found := response.Request.Body.(*teeBody); found {
			kept.request.Write(tee.kept)
		}
		response.Body = &responseBody{response.Body, kept, limit, false}
		return nil
	}
	director := proxy.Director
	proxy.Director = func(request *http.Request) {
		director(request)
		if request.Body != nil && request.Body != http.NoBody {
			request.Body = &teeBody{request.Body, nil, limit}
		}
	}
	return proxy
}

// teeBody keeps the first bytes of a request body as it is read.
type teeBody struct {
	io.ReadCloser
	kept  []byte
	limit int
}

func (b *teeBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	b.kept = append(b.kept, into[:min(n, b.limit-len(b.kept))]...)
	return n, err
}

// responseBody keeps the first bytes of a response body and hands the record on when it is closed.
type responseBody struct {
	io.ReadCloser
	kept   *record
	limit  int
	isOver bool
}

func (b *responseBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	b.kept.response.Write(into[:min(n, b.limit-b.kept.response.Len())])
	return n, err
}

func (b *responseBody) Close() error {
	if !b.isOver {
		b.isOver = true
		offer(b.kept)
	}
	return b.ReadCloser.Close()
}

func offer(kept *record) {
	size := int64(kept.size())
	if atomic.AddInt64(&queued, size) <= queueBytes {
		select {
		case queue <- kept:
			return
		default:
		}
	}
	atomic.AddInt64(&queued, -size)
	kept.release()
}

func (r *record) size() int { return len(r.line) + r.request.Len() + r.response.Len() }

func (r *record) release() {
	r.request.Reset()
	r.response.Reset()
	records.Put(r)
}

// ship writes records as they come, in batches of what is there.
func ship(conn net.Conn) {
	writer := bufio.NewWriterSize(conn, 256<<10)
	_, _ = writer.WriteString("RECORDS\n")
	header := make([]byte, 4)
	for kept := range queue {
		size := kept.size()
		binary.BigEndian.PutUint32(header, uint32(size))
		_, _ = writer.Write(header)
		_, _ = writer.WriteString(kept.line)
		_, _ = writer.Write(kept.request.Bytes())
		_, _ = writer.Write(kept.response.Bytes())
		atomic.AddInt64(&queued, -int64(size))
		kept.release()
		if len(queue) == 0 {
			if err := writer.Flush(); err != nil {
				log.Fatal(err)
			}
		}
	}
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// buffers lets the proxy reuse its copy buffers.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte  { return b.pool.Get().([]byte) }
func (b *buffers) Put(s []byte) { b.pool.Put(s) }
