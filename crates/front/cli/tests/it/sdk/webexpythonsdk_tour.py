# A tour with webexpythonsdk, as it is; the token comes from WEBEX_ACCESS_TOKEN.
import os
import sys
import warnings

from webexpythonsdk import ApiError, RateLimitWarning, WebexAPI

api = WebexAPI(base_url=os.environ['SDK_BASE'] + '/')


def refused(status, call, *arguments, **named):
    try:
        answer = call(*arguments, **named)
        list(answer)
    except ApiError as error:
        assert error.response.status_code == status, error
    else:
        raise AssertionError(f'{call} was not refused')


# People, and pages of them, of two sizes.
me = api.people.me()
for size in (60, 100):
    people = list(api.people.list(max=size))
    assert len({person.id for person in people}) == 250
assert [person.id for person in api.people.list(email=me.emails[0])] == [me.id]
assert me.id in {person.id for person in api.people.list(displayName=me.displayName)}
for person in people[:15]:
    assert api.people.get(person.id).displayName == person.displayName

# What the organisation has.
organisation, = api.organizations.list()
assert api.organizations.get(organisation.id).displayName == organisation.displayName
assert 'Webex Calling - Professional' in {license.name for license in api.licenses.list()}

# What is not there, and what this token may not.
refused(404, api.people.get, organisation.id)
refused(404, api.organizations.get, me.id)
refused(403, api.meetings.list)
refused(403, api.recordings.list, integrationTag='tour')

# What is asked for too often: the SDK warns, waits, and goes on.
print('too often', file=sys.stderr, flush=True)
input()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('always')
    for _ in range(int(os.environ['SDK_LIMIT']) + 1):
        assert list(api.licenses.list())
assert any(issubclass(one.category, RateLimitWarning) for one in caught), 'nothing was limited'
