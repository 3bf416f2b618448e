// Package rediscache keeps lookups in Redis, for a short time and for all
// instances of the service. Redis is never needed: one that is absent, slow or
// frozen costs a few milliseconds once, and then nothing until it is well
// again.
//
// All keys begin with a prefix, and every one of them expires.
package rediscache
