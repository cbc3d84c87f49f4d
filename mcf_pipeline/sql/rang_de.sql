-- Rank of a release in time; an id that is not in dim_release is an error.
CREATE OR REPLACE MACRO rang_de(publication) AS
    coalesce(
        (SELECT rang FROM dim_release WHERE release_id = CAST(publication AS VARCHAR)),
        -- `error` of NULL would be no error.
        error('publication inconnue : ' || coalesce(CAST(publication AS VARCHAR), 'NULL') || ' ; la liste est dans dim_release')
    )
