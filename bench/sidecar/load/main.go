// The load client for what wrk and h2load cannot do: a constant arrival rate (open loop, latency from the intended
// start, so that a stall is not hidden), a CONNECT proxy in front, and TLS without client-side session resumption.
// It knows HTTP/1.1 with Content-Length only. Prints one JSON line.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// target is where requests go and how a connection to it is made.
type target struct {
	address string
	proxy   string
	tls     *tls.Config
	request []byte
}

// connection carries one request at a time; a failed one is dialled again by the next request.
type connection struct {
	target *target
	conn   net.Conn
	reader *bufio.Reader
	begun  chan time.Time
	taken  []time.Duration
	errors int
}

func main() {
	to := flag.String("url", "", "http or https URL")
	proxy := flag.String("proxy", "", "host:port of a proxy that is asked to CONNECT")
	count := flag.Int("connections", 64, "connections")
	seconds := flag.Float64("seconds", 3, "duration")
	rate := flag.Float64("rate", 0, "requests per second, 0: as many as possible")
	flag.Parse()
	target, err := newTarget(*to, *proxy)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(64)
	}
	connections := make([]*connection, *count)
	for i := range connections {
		connections[i] = &connection{target: target, begun: make(chan time.Time, 1)}
		if err := connections[i].open(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	start := time.Now()
	duration := time.Duration(*seconds * float64(time.Second))
	if *rate > 0 {
		openLoop(connections, start, duration, *rate)
	} else {
		closedLoop(connections, start.Add(duration))
	}
	report(connections, time.Since(start))
}

func newTarget(to, proxy string) (*target, error) {
	parsed, err := url.Parse(to)
	if err != nil || parsed.Port() == "" {
		return nil, errors.New("-url needs a URL with a port")
	}
	request := []byte("GET " + parsed.RequestURI() + " HTTP/1.1\r\nHost: " + parsed.Host + "\r\n\r\n")
	made := &target{address: parsed.Host, proxy: proxy, request: request}
	if parsed.Scheme == "https" {
		// What is measured is the server's side; the leg that must be verified is the proxy's to its upstream.
		made.tls = &tls.Config{InsecureSkipVerify: true, ServerName: parsed.Hostname()}
	}
	return made, nil
}

func closedLoop(connections []*connection, end time.Time) {
	var all sync.WaitGroup
	for _, c := range connections {
		all.Add(1)
		go func(c *connection) {
			defer all.Done()
			for now := time.Now(); now.Before(end); now = time.Now() {
				c.finish(now, c.begin())
			}
		}(c)
	}
	all.Wait()
}

// openLoop starts request i at start + i/rate on any free connection. The pacer has a thread of its own that sleeps in
// the kernel: the runtime's timers are precise to a millisecond only.
func openLoop(connections []*connection, start time.Time, duration time.Duration, rate float64) {
	free := make(chan *connection, len(connections))
	var all sync.WaitGroup
	for _, c := range connections {
		all.Add(1)
		go func(c *connection) {
			defer all.Done()
			for intended := range c.begun {
				c.finish(intended, nil)
				free <- c
			}
		}(c)
		free <- c
	}
	runtime.LockOSThread()
	const setTimerSlack = 29
	syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1000, 0)
	for i := 0; ; i++ {
		offset := time.Duration(float64(i) / rate * float64(time.Second))
		if offset >= duration {
			break
		}
		if wait := offset - time.Since(start); wait > 0 {
			pause := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&pause, nil)
		}
		c := <-free
		if c.begin() != nil {
			c.errors++
			free <- c
			continue
		}
		c.begun <- start.Add(offset)
	}
	for range connections {
		close((<-free).begun)
	}
	all.Wait()
}

func (c *connection) open() error {
	address := c.target.address
	if c.target.proxy != "" {
		address = c.target.proxy
	}
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	if c.target.proxy != "" {
		if err := connectThrough(conn, c.target.address); err != nil {
			conn.Close()
			return err
		}
	}
	if c.target.tls != nil {
		secured := tls.Client(conn, c.target.tls)
		if err := secured.Handshake(); err != nil {
			conn.Close()
			return err
		}
		conn = secured
	}
	c.conn = conn
	c.reader = bufio.NewReaderSize(conn, 16<<10)
	return nil
}

func connectThrough(conn net.Conn, address string) error {
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
	reader := bufio.NewReaderSize(conn, 1024)
	_, err := readHead(reader)
	if err == nil && reader.Buffered() > 0 {
		err = errors.New("the proxy spoke before the TLS handshake")
	}
	return err
}

// begin writes a request; a connection that is gone is dialled first.
func (c *connection) begin() error {
	if c.conn == nil {
		if err := c.open(); err != nil {
			return err
		}
	}
	_, err := c.conn.Write(c.target.request)
	return err
}

// finish reads the response and counts it; the latency is from the intended start.
func (c *connection) finish(intended time.Time, err error) {
	if err == nil {
		err = readResponse(c.reader)
	}
	if err == nil {
		c.taken = append(c.taken, time.Since(intended))
		return
	}
	c.errors++
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func readResponse(reader *bufio.Reader) error {
	length, err := readHead(reader)
	if err == nil {
		_, err = io.CopyN(io.Discard, reader, length)
	}
	return err
}

// readHead returns the Content-Length of a response with status 200.
func readHead(reader *bufio.Reader) (int64, error) {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 || string(line[9:12]) != "200" {
		return 0, fmt.Errorf("answered %q", line)
	}
	length := int64(0)
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return length, nil
		}
		if name, value, found := bytes.Cut(line, []byte(":")); found && bytes.EqualFold(name, []byte("content-length")) {
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return 0, err
			}
		}
	}
}

func report(connections []*connection, took time.Duration) {
	var all []time.Duration
	failed := 0
	for _, c := range connections {
		all = append(all, c.taken...)
		failed += c.errors
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(share float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[int(share*float64(len(all)-1))].Nanoseconds()) / 1000
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"requests": float64(len(all)), "errors": float64(failed), "seconds": took.Seconds(),
		"p50Us": at(0.5), "p99Us": at(0.99),
	})
}
