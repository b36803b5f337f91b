-- Users are found by their e-mail address in lower case (a to z: the same on both databases). Two
-- that differ in case alone stay as they are, and are found by what was typed.
CREATE TABLE user_emails AS SELECT id,
  REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( REPLACE(
  REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( REPLACE(
  REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( REPLACE( lookup, 'A', 'a'), 'B', 'b'), 'C', 'c'),
  'D', 'd'), 'E', 'e'), 'F', 'f'), 'G', 'g'), 'H', 'h'), 'I', 'i'), 'J', 'j'), 'K', 'k'), 'L',
  'l'), 'M', 'm'), 'N', 'n'), 'O', 'o'), 'P', 'p'), 'Q', 'q'), 'R', 'r'), 'S', 's'), 'T', 't'),
  'U', 'u'), 'V', 'v'), 'W', 'w'), 'X', 'x'), 'Y', 'y'), 'Z', 'z')
  AS lookup FROM resources WHERE kind = 'user' AND lookup IS NOT NULL;
DELETE FROM user_emails
  WHERE lookup IN (SELECT lookup FROM user_emails GROUP BY lookup HAVING COUNT(*) > 1);
UPDATE resources SET lookup = (SELECT e.lookup FROM user_emails e WHERE e.id = resources.id)
  WHERE id IN (SELECT id FROM user_emails);
DROP TABLE user_emails;
