package sqlstore

import "github.com/kumotrail/kumotrail/domain"

// registrationColumns are what scanRegistration reads, in its order.
const registrationColumns = "application_id, recipient, sender, subject, tenant, campaign, size, meta, registered_at"

func registrationKey(r *domain.Registration) string {
	id := r.ID()
	return string(id[:])
}

func scanRegistration(row scanner) (domain.Registration, error) {
	var (
		r                                       domain.Registration
		sender, subject, tenant, campaign, meta text
		size                                    integer
		registered                              micros
	)
	err := row.Scan(&r.ApplicationID, &r.Recipient, &sender, &subject, &tenant, &campaign, &size, &meta, &registered)
	r.Sender, r.Subject, r.Tenant, r.Campaign = string(sender), string(subject), string(tenant), string(campaign)
	r.Size, r.Meta, r.RegisteredAt = int64(size), string(meta), registered.Time
	return r, err
}

// onlyOwn leaves of what id was found by the registration whose own id it is, if
// it is among them, which stands first.
func onlyOwn(own domain.RegistrationID, found []domain.Registration) []domain.Registration {
	if len(found) > 0 && found[0].ID() == own {
		return found[:1]
	}
	return found
}
