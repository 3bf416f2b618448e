package rediscache

import "github.com/redis/go-redis/v9"

// What stands under a key is a ticket ("?") or an answer ("="), then the
// generation in which the ticket was given, and a line feed. What is of another
// generation is not there.
//
// The generation is a random text, or none. Who could not forget something sets
// another one before anything else: all that was kept until then is out of
// trust. It expires when nothing is left that was there before it.
const (
	answerMark = '='
	ticketMark = '?'
)

// getScript returns the answer under KEYS[1], or else the ticket, a new one of
// the text ARGV[1] that lives ARGV[2] ms.
var getScript = redis.NewScript(`
local head = (redis.call('GET', KEYS[2]) or '') .. '\n'
local kept = redis.call('GET', KEYS[1])
if kept and string.sub(kept, 2, 1 + #head) == head then
	return kept
end
local ticket = '?' .. head .. ARGV[1]
redis.call('SET', KEYS[1], ticket, 'PX', ARGV[2])
return ticket`)

// putScript puts the answer ARGV[2] in place of the ticket ARGV[1]. The answer
// dies when the ticket would have: a Put that a frozen server carries out late
// prolongs nothing.
var putScript = redis.NewScript(`
local head = (redis.call('GET', KEYS[2]) or '') .. '\n'
if redis.call('GET', KEYS[1]) == ARGV[1] and string.sub(ARGV[1], 1, 1 + #head) == '?' .. head then
	redis.call('SET', KEYS[1], '=' .. head .. ARGV[2], 'KEEPTTL')
end
return 0`)
