// A buffered reader of a connection that can pass over bytes without copying them out of the kernel.
package main

import (
	"bufio"
	"io"
	"net"
	"syscall"
)

const bufferBytes = 64 << 10

// source reads a connection; without `raw` it reads what was in memory already.
type source struct {
	*bufio.Reader
	raw syscall.RawConn
}

func newSource(conn net.Conn) (*source, error) {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	return &source{bufio.NewReaderSize(conn, bufferBytes), raw}, err
}

// discard passes over the next bytes: of a TCP socket, MSG_TRUNC takes them without writing them anywhere.
func (s *source) discard(length int) error {
	buffered := s.Buffered()
	if s.raw == nil || length <= buffered+bufferBytes {
		_, err := s.Discard(length)
		return err
	}
	_, _ = s.Discard(buffered)
	var failure error
	nowhere := make([]byte, 1<<20)
	for left := length - buffered; left > 0; {
		err := s.raw.Read(func(fd uintptr) bool {
			most := len(nowhere)
			if left < most {
				most = left
			}
			n, _, err := syscall.Recvfrom(int(fd), nowhere[:most], syscall.MSG_TRUNC)
			if err == syscall.EAGAIN {
				return false
			}
			if err == nil && n == 0 {
				err = io.ErrUnexpectedEOF
			}
			failure = err
			if err == nil {
				left -= n
			}
			return true
		})
		if err != nil {
			return err
		}
		if failure != nil {
			return failure
		}
	}
	return nil
}
