// Package segments reads the log files that KumoMTA writes (docs/kumomta.md,
// section 6) as a sequence of lines, and keeps how far they were read.
//
// A segment is zstd in one or more frames, of which the last has no end while
// the MTA writes, and none ever if it crashed; nothing but the file's mode says
// that a segment is finished. So frames are walked here, block by block, and the
// library is given one frame at a time: that alone tells where a broken one
// begins, how to go on behind it, and where to wait in one that grows. Plain
// lines and gzip are read too. What a file is, is told by its first bytes.
package segments
