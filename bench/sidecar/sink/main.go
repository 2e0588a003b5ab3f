// Where the peers under test send what they captured: it speaks the receiving side of the capture stream
// (docs/capture-stream.md) and, for the other peers, plain length-prefixed records. It counts, acknowledges at once and
// keeps nothing, and looks at no byte that it need not: it shares its core with load client and upstream.
// Prints {"port"} first; each line on stdin is answered with the totals so far; the end of stdin ends it.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"net"
	"os"
	"sync"
)

const (
	streamPreface = "EPSTRM1\n"
	recordPreface = "RECORDS\n"
	windowBytes   = 16 << 20
	helloNumber   = 1
	welcomeNumber = 2
	batchNumber   = 3
	ackNumber     = 4
)

type totals struct {
	sync.Mutex
	Pairs     float64            `json:"pairs"`
	Bytes     float64            `json:"bytes"`
	Captured  float64            `json:"captured"`
	Delivered float64            `json:"delivered"`
	Dropped   map[string]float64 `json:"dropped"`
	lastBatch map[string]float64
}

var total = totals{Dropped: map[string]float64{}, lastBatch: map[string]float64{}}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		total.Lock()
		_ = json.NewEncoder(os.Stdout).Encode(&total)
		total.Unlock()
	}
}

func serve(conn net.Conn) {
	defer conn.Close()
	reader, err := newSource(conn)
	if err != nil {
		return
	}
	preface := make([]byte, len(streamPreface))
	if _, err := io.ReadFull(reader, preface); err != nil {
		return
	}
	switch string(preface) {
	case streamPreface:
		err = serveStream(conn, reader)
	case recordPreface:
		err = serveRecords(reader)
	default:
		err = fmt.Errorf("unknown preface %q", preface)
	}
	if err != nil && err != io.EOF {
		fmt.Fprintln(os.Stderr, err)
	}
}

// serveRecords reads u32 length (big endian) and as many bytes, over and over.
func serveRecords(reader *source) error {
	header := make([]byte, 4)
	for {
		if _, err := io.ReadFull(reader, header); err != nil {
			return err
		}
		length := int(binary.BigEndian.Uint32(header))
		if err := reader.discard(length); err != nil {
			return err
		}
		add(1, length)
	}
}

func serveStream(conn net.Conn, reader *source) error {
	incarnation := ""
	header := make([]byte, 9)
	for {
		if _, err := io.ReadFull(reader, header); err != nil {
			return err
		}
		message := &fields{reader, int(binary.LittleEndian.Uint32(header)) - 1}
		switch header[8] {
		case helloNumber:
			if err := message.walk(func(number int, _ float64, bytes []byte) {
				if number == 2 {
					incarnation = string(bytes)
				}
			}); err != nil {
				return err
			}
			if err := answer(conn, welcomeNumber, lastBatch(incarnation), windowBytes); err != nil {
				return err
			}
		case batchNumber:
			seq, err := readBatch(message, incarnation)
			if err != nil {
				return err
			}
			if err := answer(conn, ackNumber, seq, 0); err != nil {
				return err
			}
		default:
			if err := reader.discard(message.left); err != nil {
				return err
			}
		}
	}
}

// readBatch counts a batch that was not seen before.
func readBatch(message *fields, incarnation string) (float64, error) {
	size := message.left
	seq, pairs := 0.0, 0
	var counters []byte
	for message.left > 0 {
		number, length, value, err := message.next()
		if err != nil {
			return 0, err
		}
		switch {
		case number == 1:
			seq = value
		case number == 3:
			pairs++
			err = message.skip(length)
		case number == 2:
			counters, err = message.read(length)
		default:
			err = message.skip(length)
		}
		if err != nil {
			return 0, err
		}
	}
	total.Lock()
	defer total.Unlock()
	if seq > total.lastBatch[incarnation] {
		total.lastBatch[incarnation] = seq
		total.Pairs += float64(pairs)
		total.Bytes += float64(size)
		noteCounters(counters)
	}
	return seq, nil
}

// noteCounters keeps the latest cumulative counters.
func noteCounters(counters []byte) {
	_ = overBytes(counters).walk(func(number int, value float64, bytes []byte) {
		switch number {
		case 1:
			total.Captured = value
		case 2:
			total.Delivered = value
		case 4:
			reason, count := "", 0.0
			_ = overBytes(bytes).walk(func(number int, value float64, bytes []byte) {
				if number == 1 {
					reason = string(bytes)
				} else {
					count = value
				}
			})
			total.Dropped[reason] = count
		}
	})
}

func lastBatch(incarnation string) float64 {
	total.Lock()
	defer total.Unlock()
	return total.lastBatch[incarnation]
}

func add(pairs, bytes int) {
	total.Lock()
	total.Pairs += float64(pairs)
	total.Bytes += float64(bytes)
	total.Unlock()
}

// answer writes a message of a double as field 1 and, when it is not 0, a varint as field 2.
func answer(conn net.Conn, number byte, first float64, second uint64) error {
	frame := make([]byte, 8, 32)
	frame = append(frame, number, 1<<3|1)
	frame = binary.LittleEndian.AppendUint64(frame, math.Float64bits(first))
	if second != 0 {
		// As the forwarder does: frames without a checksum are taken.
		frame = append(binary.AppendUvarint(append(frame, 2<<3), second), 3<<3, 1)
	}
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-8))
	binary.LittleEndian.PutUint32(frame[4:], crc32.ChecksumIEEE(frame[8:]))
	_, err := conn.Write(frame)
	return err
}
