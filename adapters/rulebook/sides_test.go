package rulebook_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/domain"
)

// A server that refuses who sends may name the recipient, a mailbox or a quota
// in the same sentence. Given up for that, a good address would be lost.
func TestBlocksInWordsOfRecipientsDoNotBlameTheRecipient(t *testing.T) {
	c := classifier(t)
	for _, response := range []string{
		"550 5.1.1 <joe@example.com>: Recipient address rejected: your IP has a bad reputation",
		"550 Mailbox unavailable because your server is listed in our DNSBL",
		"550 5.1.1 Recipient rejected due to sender policy",
		"550 Recipient does not accept mail from this sender",
		"550 user joe has blocked you",
		"550 joe@example.com does not want mail from you",
		"554 5.7.1 recipient refuses mail from your domain",
		"550 5.7.1 Recipient blocked this message by a rule",
		"550 5.7.124 Sender not in allowed-senders list",
		"550 5.7.129 RESOLVER.RST.RestrictedToRecipientsPermission; not authorized",
		"550 5.7.12 Sender was not authenticated by organization",
		"550 5.7.501 Access denied, spam abuse detected from 192.0.2.1",
		"550 5.1.8 Access denied, bad outbound sender. Please contact your Office 365 administrator",
		"550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.",
		"550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains",
		"554 5.7.7 Message rejected: sender domain too new",
		"550 Domain age of sender is under 30 days",
		"550 The domain example.com of the sender has no MX",
		"550 5.7.1 Hostname mail.example.com does not resolve to 192.0.2.1",
		"450 4.7.1 Client host rejected: cannot find your reverse hostname",
		"554 5.7.1 Client host rejected: generic PTR record",
		"553 Sender verification failed: your mail server does not accept mail for the sender",
		"550 Return-path <news@example.com> does not exist",
		"550 Cannot verify the address of the sender",
		"550 5.1.7 Invalid address (sender)",
		"501 5.1.7 Bad sender address syntax",
		"501 <news@@example.com>: malformed sender address",
		"550 5.7.1 jane.doe@example.com is not accepting mail from unknown senders",
		"550 We do not accept mail from example.com",
		"554 5.7.1 user unknown in our list of permitted senders",
		"550 5.1.1 Your message to user was rejected, sender is blocked by user",
		"550 mailbox protected, sender not in whitelist",
		"550 The address rejected your message since you are on its block list",
		"450 4.1.1 recipient address temporarily rejected: your host is suspicious",
		"550 User jane only accepts mail from authenticated senders",
		"550 No such user - your IP is banned after too many unknown users",
		"554 mailbox quota for senders like you is exceeded: rate limit",
		"452 quota of mails from this sender reached for today",
		"550 Your account has been disabled for sending spam",
		"550 5.7.1 Your mailbox is suspended, you cannot send",
		"550 Ihre IP-Adresse wurde gesperrt, Empfänger nicht erreichbar",
		"550 Отправитель не существует",
		"550 L'expéditeur n'existe pas",
		"550 El remitente no existe",
		"550 Der Absender existiert nicht",
		"550 Il mittente non esiste",
		"550 O remetente não existe",
		"550 送信者が存在しません",
		"550 发件人不存在",
		"550 Nadawca nie istnieje",
		"550 Domain of sender not found",
		"550 sender's mailbox is full or does not exist",
		"550 HELO unknown",
		"550 your hostname was not found",
		"550 Client address unknown",
		"550 Votre compte est suspendu, envoi impossible",
		"550 Sua conta está desativada para envio",
		"550 Die Nachricht wurde abgewiesen: Spam, Empfänger gesperrt",
		"550 5.7.1 Message rejected by recipient's server: not found in allowed list",
		"554 5.7.1 Access from [192.0.2.1] disabled",
		"554 Connections from 192.0.2.1 are suspended",
		"550 mail from inactive domain example.com refused: sender must exist",
		"550 Recipient only accepts messages from members of the group",
		"550 5.7.1 Not authorized to send to this distribution list",
		"550 Group jane is closed to outside senders",
		"550 User has a filter that rejects your message",
		"550 5.2.1 The sending address is disabled",
		"550 5.7.1 account of the sender is locked",
	} {
		a := domain.ParseAnswer(response)
		if v := c.Classify(&a); v.Cause == domain.CauseRecipient || v.Cause == domain.CauseDomain {
			t.Errorf("%s/%s by %q: %s", v.Cause, v.Subcause, v.Rule, response)
		}
	}
}
