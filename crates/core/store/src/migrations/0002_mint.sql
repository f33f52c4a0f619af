-- How a credential gets its grant through another one: whose token asks, and what for. The other may be gone by now.
ALTER TABLE credentials ADD COLUMN mint_via TEXT;
ALTER TABLE credentials ADD COLUMN mint_organisation TEXT;
ALTER TABLE credentials ADD COLUMN mint_subject TEXT;
ALTER TABLE credentials ADD COLUMN mint_display_name TEXT;
