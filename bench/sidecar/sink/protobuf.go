// As much of the protobuf wire format as the sink needs: fields one after the other from a reader, of which only those
// that are asked for are copied.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// fields reads the fields of one message of `left` bytes.
type fields struct {
	*source
	left int
}

func overBytes(message []byte) *fields {
	return &fields{&source{Reader: bufio.NewReaderSize(bytes.NewReader(message), 16)}, len(message)}
}

// ReadByte makes a varint reader of it.
func (f *fields) ReadByte() (byte, error) {
	if f.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	f.left--
	return f.Reader.ReadByte()
}

// next reads a tag. Length-delimited: `length` bytes follow and are to be read or skipped; else `value` is read already.
func (f *fields) next() (number, length int, value float64, err error) {
	tag, err := binary.ReadUvarint(f)
	if err != nil {
		return 0, 0, 0, err
	}
	number = int(tag >> 3)
	switch tag & 7 {
	case 0:
		varint, err := binary.ReadUvarint(f)
		return number, 0, float64(varint), err
	case 1:
		fixed, err := f.read(8)
		if err != nil {
			return 0, 0, 0, err
		}
		return number, 0, math.Float64frombits(binary.LittleEndian.Uint64(fixed)), nil
	case 2:
		size, err := binary.ReadUvarint(f)
		return number, int(size), 0, err
	}
	return 0, 0, 0, fmt.Errorf("wire type %d is not read", tag&7)
}

func (f *fields) read(length int) ([]byte, error) {
	if length > f.left {
		return nil, io.ErrUnexpectedEOF
	}
	f.left -= length
	value := make([]byte, length)
	_, err := io.ReadFull(f.source, value)
	return value, err
}

func (f *fields) skip(length int) error {
	if length > f.left {
		return io.ErrUnexpectedEOF
	}
	f.left -= length
	return f.discard(length)
}

// walk hands on every field, copied.
func (f *fields) walk(field func(number int, value float64, bytes []byte)) error {
	for f.left > 0 {
		number, length, value, err := f.next()
		if err != nil {
			return err
		}
		bytes, err := f.read(length)
		if err != nil {
			return err
		}
		field(number, value, bytes)
	}
	return nil
}
